import Testing
import Wire

@testable import Wire

/// The writer of hashed texts: what it writes is JSON, and the same each time.
@Suite struct JSONWriterTests {
    private static func text(_ body: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        json.object(nil, body)
        return json.string
    }

    @Test func `members stand in the order of the calls, without white space`() {
        let text = Self.text { json in
            json.member("b", "x")
            json.member("a", Int64.min)
            json.array("list") { json in
                json.element("1")
                json.element("2")
                json.object { json in json.member("in", true) }
                json.object { _ in }
            }
            json.array("empty") { _ in }
            json.object("o") { json in json.member("n", orNull: String?.none) }
            json.member("z", orNull: Int64?.none)
        }
        #expect(
            text
                == #"{"b":"x","a":-9223372036854775808,"list":["1","2",{"in":true},{}],"empty":[],"o":{"n":null},"z":null}"#
        )
    }

    @Test(arguments: [
        "", "\"", "\\", "\\\"", "\u{0}", "\u{1}\u{1F}\u{7F}", "\n\r\t\u{8}\u{C}", "/", "</script>", "中文", "\u{1F600}",
        "\u{202E}", "\u{2028}\u{2029}", #"{"a":1}"#, "e\u{301}", "a,b:c", "\u{FFFD}",
    ])
    func `every text can be read back as it was`(value: String) throws {
        let text = Self.text { $0.member("v", value) }
        let read = try JSONValue(parsing: Array(text.utf8))["v"]?.text
        #expect(read.map { Array($0.utf8) } == Array(value.utf8))
        #expect(text.utf8.allSatisfy { $0 >= 0x20 })
    }

    @Test func `bytes that lie elsewhere are written as a text is, and as null when there are none`() {
        let text = Self.text { json in
            Array("a\"中\n".utf8).withUnsafeBytes { json.member("there", utf8: $0) }
            json.member("gone", utf8: nil)
        }
        #expect(text == #"{"there":"a\"中\n","gone":null}"#)
    }

    @Test func `only what must be escaped is`() {
        #expect(Self.text { $0.member("v", "/\u{7F}é\"\\\u{1}\n") } == "{\"v\":\"/\u{7F}é\\\"\\\\\\u0001\\n\"}")
    }

    @Test func `an object that was written before is taken up again, and further members follow`() {
        let written = Array(#"{"a":1,"in":{"b":2"#.utf8)
        let text = Self.text { json in
            json.member("first", "1")
            json.array("list") { json in
                for _ in 0..<2 {
                    written.withUnsafeBytes { json.resumeObject($0) }
                    json.member("c", "3")
                    json.endObject()
                    json.member("d", "4")
                    json.endObject()
                }
            }
            json.member("raw", raw: Array("[5]".utf8))
            [UInt8]([0x00, 0x0A, 0x9F, 0xFF]).withUnsafeBytes { json.member("hash", hex: $0) }
        }
        let object = #"{"a":1,"in":{"b":2,"c":"3"},"d":"4"}"#
        #expect(text == #"{"first":"1","list":[\#(object),\#(object)],"raw":[5],"hash":"000a9fff"}"#)
    }
}

import Testing
import Wire

@testable import Wire

@Suite struct JSONScannerTests {
    private func read(_ text: String) throws -> JSONValue { try JSONScanner.value(of: Array(text.utf8)) }

    @Test(arguments: [
        ("null", JSONValue.null), ("true", .bool(true)), (" false\r\n", .bool(false)),
        ("0", .number("0")), ("-0", .number("-0")), ("10.21", .number("10.21")), ("1E+2", .number("1E+2")),
        ("1e-7", .number("1e-7")), ("0.10", .number("0.10")),
        ("12345678901234567890123456789012345678.10", .number("12345678901234567890123456789012345678.10")),
        ("\"\"", .string("")), (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
        (#""\u4e2d\u00e9\u0041""#, .string("中éA")), (#""\ud83d\ude00!""#, .string("😀!")),
        ("\"中😀\"", .string("中😀")), (#""\u0000""#, .string("\0")),
        // Half a pair reads as the replacement character and never takes its neighbours along.
        (#""\ud83d""#, .string("\u{FFFD}")), (#""\ude00x""#, .string("\u{FFFD}x")),
        (#""\ud83d\u0041""#, .string("\u{FFFD}A")), (#""\ud83d\n""#, .string("\u{FFFD}\n")),
        (#""\ud83d\ud83d\ude00""#, .string("\u{FFFD}😀")),
        ("[]", .array([])), ("[ 1 , [ ] , \"a\" ]", .array([.number("1"), .array([]), .string("a")])),
        ("{}", .object(JSONObject(members: []))),
        (
            #"{"b":1,"a":{"b":2}}"#,
            .object(
                JSONObject(members: [
                    .init(key: "b", value: .number("1")),
                    .init(key: "a", value: .object(JSONObject(members: [.init(key: "b", value: .number("2"))]))),
                ]))
        ),
    ])
    func `JSON is read as it was written`(text: String, value: JSONValue) throws {
        #expect(try read(text) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "NaN", "Infinity", "undefined", "'a'", "a",
        "01", "-", "+1", ".5", "1.", "1.e1", "1e", "1e+", "0x10", "1_000", "--1", "1 2", "1,",
        "\"", "\"a", "\"\\", "\"\\\"", #""\x""#, #""\u12""#, #""\u12G4""#, #""\U0041""#, "\"a\nb\"", "\"\t\"", "\"\0\"",
        "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}",
        "{", "}", "{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{\"a\"::1}", "{a:1}",
        "{\"a\":1]", "// c\n1", "/* c */1", "1 // c", "\u{FEFF}{}", "{}{}", "{} x", "\u{A0}1", "[1]\u{0}",
    ])
    func `what RFC 8259 does not allow is refused`(text: String) {
        #expect(throws: JSONError.self) { try read(text) }
        #expect(throws: JSONError.self) {
            try JSONScanner.topLevel(of: Array("{\"k\":\(text)}".utf8), pairedBytes: false)
        }
    }

    /// Texts are looked at several bytes at a time.
    @Test(arguments: 0..<20)
    func `what ends, escapes or spoils a text is found wherever it stands`(place: Int) throws {
        let before = String("é~\u{7F}!中0123456789abcdef".unicodeScalars.prefix(place).map(Character.init))
        for after in ["", "é", "tail after it, longer than a word"] {
            #expect(try read("[\"\(before)\", \"\(after)\"]") == .array([.string(before), .string(after)]))
            #expect(try read("\"\(before)\\n\(after)\"") == .string(before + "\n" + after))
            let error = #expect(throws: JSONError.self) { try read("\"\(before)\u{1F}\(after)\"") }
            #expect(error == JSONError(code: .syntax, offset: 1 + before.utf8.count))
        }
        // A pair whose second byte is a backslash ends nothing and escapes nothing.
        let text = [UInt8](repeating: 0x80, count: place) + [0x81, 0x5C]
        let bytes = Array("{\"k\":\"".utf8) + text + Array("\",\"l\":1}".utf8)
        let members = try JSONScanner.topLevel(of: bytes, pairedBytes: true)
        #expect(members.map(\.key) == ["k", "l"])
        #expect(members[0].range.count == text.count + 2)
    }

    @Test(arguments: [
        #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"[{"x":{"a":1,"b":2,"a":3}}]"#, #"{"":1,"":2}"#,
    ])
    func `equal keys in one object are refused however they are spelt`(text: String) {
        let error = #expect(throws: JSONError.self) { try read(text) }
        #expect(error?.code == .duplicateKey)
    }

    @Test func `thousands of keys are compared without taking long, the last one too`() throws {
        let members = (0..<20_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        guard case .object(let object) = try read("{\(members)}") else { throw CancellationError() }
        #expect(object.members.count == 20_000)
        #expect(throws: JSONError.self) { try read("{\(members),\"k0\":1}") }
        #expect(throws: JSONError.self) {
            try JSONScanner.topLevel(of: Array("{\(members),\"k19999\":1}".utf8), pairedBytes: false)
        }
    }

    @Test func `sixty-four levels are read and more are refused`() throws {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = { (depth: Int) in
                String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
            }
            _ = try read(nested(64))
            let error = #expect(throws: JSONError.self) { try read(nested(65)) }
            #expect(error?.code == .tooDeep)
            #expect(throws: JSONError.self) { try read(String(repeating: open, count: 2_000_000)) }
            #expect(throws: JSONError.self) {
                try JSONScanner.topLevel(of: Array("{\"k\":\(nested(64))}".utf8), pairedBytes: false)
            }
        }
    }

    @Test(
        arguments: [
            [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xE4, 0xB8], [0x80],
        ] as [[UInt8]])
    func `bytes that are no UTF-8 are refused`(bytes: [UInt8]) {
        let error = #expect(throws: JSONError.self) { try JSONScanner.value(of: [0x22] + bytes + [0x22]) }
        #expect(error?.code == .notInCharset)
    }

    @Test func `the range of a top-level value is its bytes and none around them`() throws {
        let text = "{ \"a\" :\t{\"x\": [1, \"}\"] } , \"b\":\"c\\\"\" ,\"d\": -1.5e3\n,\"e\":null}\r\n"
        let bytes = Array(text.utf8)
        let members = try JSONScanner.topLevel(of: bytes, pairedBytes: false)
        #expect(members.map(\.key) == ["a", "b", "d", "e"])
        #expect(
            members.map { String(decoding: bytes[$0.range], as: UTF8.self) }
                == ["{\"x\": [1, \"}\"] }", "\"c\\\"\"", "-1.5e3", "null"])
    }

    @Test(arguments: 0..<2) func `noise made of JSON's characters crashes nothing`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let alphabet = Array("{}[]\",:\\/ut0e-+. \n".utf8) + [0x81, 0xFE, 0xE4, 0xB8, 0xAD]
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            for paired in [false, true] {
                _ = try? JSONScanner.topLevel(of: bytes, pairedBytes: paired)
                _ = try? JSONScanner.topLevel(of: Array("{\"".utf8) + bytes, pairedBytes: paired)
            }
            _ = try? JSONScanner.value(of: bytes)
        }
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

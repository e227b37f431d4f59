import Testing

@testable import Taobao

@Suite struct XMLReaderTests {
    private static func root(_ text: String) throws -> XMLElement { try XMLReader.root(of: Array(text.utf8)) }

    static let accepted: [(text: String, content: String)] = [
        ("<a>x</a>", "x"), ("<a/>", ""), ("<a ></a >", ""), ("\u{FEFF}<a>x</a>", "x"),
        ("<?xml version=\"1.0\" encoding='UTF-8' standalone=\"no\" ?>\n<!-- c --><a>x</a><!-- d -->\n", "x"),
        ("<a>&lt;&gt;&amp;&apos;&quot;</a>", "<>&'\""), ("<a>&#20013;&#x4e2D;</a>", "中中"),
        ("<a>&amp;lt;</a>", "&lt;"), ("<a><![CDATA[<b>&amp;]]]]><![CDATA[></a>]]></a>", "<b>&amp;]]></a>"),
        ("<a>1<!-- 2 -->3</a>", "13"), ("<a>x\r\ny\rz</a>", "x\ny\nz"), ("<a>🏠 物业费</a>", "🏠 物业费"),
    ]

    @Test(arguments: accepted)
    func `well-formed text is read`(text: String, content: String) throws {
        #expect(try Self.root(text).text == content)
    }

    @Test func `attributes and children keep their order`() throws {
        let root = try Self.root("<a x=\"1\" y='2&amp;\t3'><b>1</b><c/><b>2</b></a>")
        #expect(root.attributes == [.init(name: "x", value: "1"), .init(name: "y", value: "2& 3")])
        #expect(root.children.map(\.name) == ["b", "c", "b"] && root.children.map(\.text) == ["1", "", "2"])
    }

    static let refused: [(text: String, code: XMLError.Code)] = [
        ("<!DOCTYPE a><a/>", .doctype),
        ("<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>", .doctype),
        ("<a/><!DOCTYPE a>", .doctype), ("<a><!DOCTYPE b></a>", .doctype), ("<a>&e;</a>", .entity),
        ("<a b=\"&e;\"/>", .entity), ("<a>& b</a>", .entity), ("<?php ?><a/>", .instruction),
        ("<a><?x y?></a>", .instruction), ("<a/><?x?>", .instruction), (" <?xml version=\"1.0\"?><a/>", .instruction),
        ("<?xml version=\"1.1\"?><a/>", .syntax), ("<?xml version=\"1.0\" encoding=\"gbk\"?><a/>", .syntax),
        ("<a></b>", .mismatchedTag), ("<a><b></a></b>", .mismatchedTag), ("<a>", .syntax), ("<a", .syntax),
        ("", .syntax), ("x", .syntax), ("<a/><b/>", .trailing), ("<a/>x", .trailing), ("<a b=1/>", .syntax),
        ("<a b=\"1\"c=\"2\"/>", .syntax), ("<a b='1' b='2'/>", .duplicateAttribute), ("<a b='<'/>", .syntax),
        ("<a>]]></a>", .syntax), ("<a><!-- -- --></a>", .syntax), ("<a>\u{1}</a>", .illegalCharacter),
        ("<a>&#0;</a>", .illegalCharacter), ("<a>&#xD800;</a>", .illegalCharacter),
        ("<a>&#xFFFF;</a>", .illegalCharacter),
        ("<a>&#x110000;</a>", .illegalCharacter), ("<a>&#99999999;</a>", .illegalCharacter), ("<a>&#;</a>", .syntax),
        ("<a>\u{FFFE}</a>", .illegalCharacter), ("<1a/>", .syntax), ("<é/>", .syntax), ("< a/>", .syntax),
        (String(repeating: "<a>", count: 33) + String(repeating: "</a>", count: 33), .tooDeep),
        ("<a>" + String(repeating: "x", count: XMLReader.maximumBytes) + "</a>", .tooLarge),
        ("<a>" + String(repeating: "<a>", count: 100_000), .tooDeep),
        ("<a " + (1...33).map { "b\($0)='' " }.joined() + "/>", .tooLarge),
    ]

    @Test(arguments: refused.indices)
    func `what is dangerous or broken is refused by name`(index: Int) {
        let error = #expect(throws: XMLError.self) { try Self.root(Self.refused[index].text) }
        #expect(error?.code == Self.refused[index].code, "\(Self.refused[index].text.prefix(60))")
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        let bytes = Array("<a>".utf8) + [0xD6, 0xD0] + Array("</a>".utf8)
        let error = #expect(throws: XMLError.self) { try XMLReader.root(of: bytes) }
        #expect(error?.code == .notUTF8)
    }

    @Test func `every beginning of an answer is refused without harm`() throws {
        let whole = Array(
            "<?xml version=\"1.0\"?><a b=\"1\"><!--c--><d>&lt;&#20013;</d><![CDATA[x]]><e/></a>".utf8)
        _ = try XMLReader.root(of: whole)
        for length in whole.indices {
            #expect(throws: XMLError.self) { try XMLReader.root(of: Array(whole[..<length])) }
        }
    }
}

import Testing
import Wire

@Suite struct CharsetTests {
    @Test func `labels name their codec in any case, and gb2312 means GBK`() {
        #expect(Charset(label: "UTF-8") == .utf8 && Charset(label: "utf8") == .utf8)
        for label in ["GBK", "gbk", "GB2312", "gb2312", "cp936"] { #expect(Charset(label: label) == .gbk) }
        #expect(Charset(label: "GB18030") == .gb18030)
        for label in ["", "utf-7", "utf-16", "big5", "latin1", "gbk ", "UTF-8;x"] {
            #expect(Charset(label: label) == nil)
        }
    }

    @Test func `the system has the Chinese codecs`() {
        #expect(Charset.utf8.isAvailable && Charset.gbk.isAvailable && Charset.gb18030.isAvailable)
    }

    @Test func `GBK text is read and written, with trail bytes that look like ASCII`() {
        #expect(Charset.gbk.decode([0xD6, 0xA7, 0xB8, 0xB6, 0xB1, 0xA6] + Array("A1".utf8)) == "支付宝A1")
        #expect(Charset.gbk.decode([0xE9, 0x46]) == "\u{9555}")
        #expect(Charset.gbk.encode("镕支付宝A1") == [0xE9, 0x46, 0xD6, 0xA7, 0xB8, 0xB6, 0xB1, 0xA6, 0x41, 0x31])
        // An emoji is in GB18030 alone: read where it comes under the label gbk, never written there.
        #expect(Charset.gbk.decode([0x94, 0x39, 0xDA, 0x33]) == "\u{1F4A9}")
        #expect(Charset.gbk.encode("\u{1F4A9}") == nil)
        #expect(Charset.gb18030.encode("\u{1F4A9}") == [0x94, 0x39, 0xDA, 0x33])
    }

    @Test(arguments: [Charset.utf8, .gbk, .gb18030])
    func `text that a codec has comes back as it was`(charset: Charset) throws {
        let text = "支付宝房号|A1-201 元\t\r\n€"
        #expect(charset.decode(try #require(charset.encode(text))) == text)
        #expect(charset.decode([]) == "" && charset.encode("") == [])
    }

    @Test func `bytes that a codec does not have are refused whole`() {
        #expect(Charset.gbk.decode([0x41, 0xFF]) == nil)
        #expect(Charset.gbk.decode([0x41, 0xD6]) == nil)
        let broken: [[UInt8]] = [
            [0xD6, 0x41], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE4, 0xB8], [0xF5, 0x80, 0x80, 0x80],
        ]
        for bytes in broken { #expect(Charset.utf8.decode(bytes) == nil) }
    }

    @Test func `every two-byte GBK character that is read is written as the same bytes`() {
        var read = 0
        for lead in UInt8(0x81)...0xFE {
            for trail in UInt8(0x40)...0xFE where trail != 0x7F {
                guard let text = Charset.gbk.decode([lead, trail]) else { continue }
                // GB18030 has some pairs for private use that GBK can read through it and never writes.
                guard let bytes = Charset.gbk.encode(text) else { continue }
                read += 1
                // GB18030's euro sign, which GBK writes as the single byte 0x80.
                if lead == 0xA2, trail == 0xE3 { continue }
                if bytes != [lead, trail] { Issue.record("\(lead) \(trail) became \(bytes)") }
            }
        }
        #expect(read == 21_792)
    }
}

import Alipay
import Testing

/// Verified on bytes, whatever they spell; what they spell is shown and flagged.
@Suite struct CharsetFlagTests {
    struct Bytes: Sendable {
        let charset: String
        let bytes: [UInt8]
        let shown: String
        let flags: Set<NotificationFlag>
    }

    @Test(arguments: [
        Bytes(charset: "utf-8", bytes: Array("中文".utf8), shown: "中文", flags: []),
        Bytes(charset: "gbk", bytes: [0xD6, 0xD0, 0xCE, 0xC4], shown: "中文", flags: []),
        Bytes(charset: "GB2312", bytes: [0xE9, 0x46], shown: "\u{9555}", flags: []),
        Bytes(charset: "gb18030", bytes: [0x94, 0x39, 0xDA, 0x33], shown: "\u{1F4A9}", flags: []),
        Bytes(charset: "", bytes: [0xD6, 0xD0, 0xCE, 0xC4], shown: "中文", flags: []),
        // GBK bytes under the label utf-8.
        Bytes(charset: "utf-8", bytes: [0xD6, 0xD0, 0xCE, 0xC4], shown: "中文", flags: [.charsetMismatch]),
        // An overlong NUL is no UTF-8, and happens to be a character of GBK.
        Bytes(charset: "utf-8", bytes: [0xC0, 0x80], shown: "纮", flags: [.charsetMismatch]),
        // UTF-8 bytes that are no GBK, under the label gbk.
        Bytes(charset: "gbk", bytes: [0xE4, 0xB8, 0xAD], shown: "中", flags: [.charsetMismatch]),
        // Neither: an impossible byte, a cut character, a lone surrogate.
        Bytes(charset: "utf-8", bytes: [0x41, 0xFF], shown: "A\u{FFFD}", flags: [.charsetMismatch]),
        Bytes(charset: "utf-8", bytes: [0x41, 0xE4], shown: "A\u{FFFD}", flags: [.charsetMismatch]),
        Bytes(
            charset: "utf-8", bytes: [0xED, 0xA0, 0x80, 0x41], shown: "\u{FFFD}\u{FFFD}\u{FFFD}A",
            flags: [.charsetMismatch]),
        Bytes(charset: "utf-8", bytes: [0xEF, 0xBB, 0xBF, 0x41], shown: "\u{FEFF}A", flags: []),
        Bytes(charset: "utf-8", bytes: [0x41, 0x00, 0x42], shown: "A\0B", flags: [.nulInValue]),
        // No known charset: nothing is converted, nothing is lost.
        Bytes(charset: "utf-7", bytes: Array("+Ti1lhw-".utf8), shown: "+Ti1lhw-", flags: [.unknownCharset]),
        Bytes(charset: "utf-16", bytes: [0x4E, 0xAD, 0x25], shown: "N%AD%25", flags: [.unknownCharset]),
        Bytes(charset: "x-<script>", bytes: [0xD6, 0xD0], shown: "%D6%D0", flags: [.unknownCharset]),
        Bytes(charset: "utf-8\0", bytes: [0x41], shown: "A", flags: [.unknownCharset, .nulInValue]),
        // GBK's first half before & and =: the pairs were split on bytes, long before.
        Bytes(
            charset: "gbk", bytes: [0x81, 0x26] + Array("trade_no=EVIL".utf8), shown: "\u{FFFD}&trade_no=EVIL",
            flags: [.charsetMismatch, .ambiguousCanonical]),
    ])
    func `signed bytes are accepted, shown and flagged`(value: Bytes) throws {
        let message = SignedMessage(["subject": value.bytes, "charset": Array(value.charset.utf8)])
        let notification = try NotificationVerifier.test().accept(message.body())
        #expect(notification["subject"] == value.shown)
        #expect(notification.flags == value.flags)
        #expect(notification.tradeNo == "2026031821001000000000000001")
        // The same bytes without their signature are refused.
        var spoiled = try message.body()
        spoiled += Array("&x=1".utf8)
        #expect(try NotificationVerifier.test().refusal(spoiled)?.cause == .badSignature)
    }

    @Test func `the Content-Type names the charset where no parameter does`() throws {
        let body = try SignedMessage(["subject": [0xC4, 0xA3]], without: ["charset"]).body()
        func read(_ contentType: String) throws -> Alipay.Notification {
            try NotificationVerifier.test().verify(body: body, contentType: contentType)
        }
        // These two bytes are one character in GBK and another in UTF-8.
        #expect(try read("application/x-www-form-urlencoded; charset=GBK")["subject"] == "模")
        #expect(try read("application/x-www-form-urlencoded; charset=\"utf-8\"")["subject"] == "\u{0123}")
        #expect(try read("application/x-www-form-urlencoded")["subject"] == "\u{0123}")
        // A label that nobody signed and nobody knows counts for nothing.
        #expect(try read("application/x-www-form-urlencoded; charset=iso-8859-1")["subject"] == "\u{0123}")
        #expect(try read("application/x-www-form-urlencoded; charset=utf-16").flags.isEmpty)
    }

    @Test func `a GBK first half cannot swallow the ampersand behind it`() throws {
        let form = try FormBody(parsing: Array("subject=%81&total_amount=1".utf8))
        #expect(form.value(of: "subject").map(Array.init) == [0x81])
        #expect(form.value(of: "total_amount").map(Array.init) == Array("1".utf8))
    }
}

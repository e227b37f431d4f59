import Alipay
import Testing
import Wire

@Suite struct NotificationDigestTests {
    private func digest(_ others: [String: String], without left: Set<String> = []) throws -> [UInt8] {
        try NotificationVerifier.test(.auto).accept(SignedMessage.text(others, without: left).body()).digest
    }

    @Test func `a repeated delivery has the same digest`() throws {
        let first = try digest(["notify_id": "1"])
        #expect(first.count == 32)
        #expect(try digest(["notify_id": "2", "notify_time": "2026-03-19 22:07:12"]) == first)
        #expect(try digest([:], without: ["notify_time"]) == first)
    }

    @Test func `any other difference makes another notification`() throws {
        let first = try digest([:])
        let others = try [
            digest(["total_amount": "20.5"]), digest(["refund_fee": ""]), digest(["trade_no": "2"]),
            digest(["charset": "UTF-8"]),
            digest([:], without: ["body"]), digest(["body": "R1|C1", "bodz": "|1"]),
        ]
        #expect(Set(others + [first]).count == others.count + 1)
    }

    /// The construction is fixed: these digests are in the database for ever. The number was made by another program.
    @Test func `the construction is the documented one`() throws {
        var text = Array("settled notification 1".utf8) + [0]
        for (name, value) in [
            ("body", "R1|C1|1"), ("buyer_logon_id", "138****8000"), ("charset", "utf-8"),
            ("seller_id", "2088000000000002"),
            ("sign_type", "RSA2"), ("total_amount", "20.50"), ("trade_no", "2026031821001000000000000001"),
            ("trade_status", "TRADE_SUCCESS"),
        ] {
            text += [0, 0, 0, UInt8(name.utf8.count)] + Array(name.utf8)
            text += [0, 0, 0, UInt8(value.utf8.count)] + Array(value.utf8)
        }
        #expect(try digest([:]) == Digest.sha256(text))
        #expect(try Digest.hex(digest([:])) == "f7276a1acc0923c0544df72f8825c0ddd315a36e32337ad82bfaa8e7bdd4e5c3")
    }
}

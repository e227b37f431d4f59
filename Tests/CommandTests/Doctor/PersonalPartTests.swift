import Testing

@testable import Alipay
@testable import settled

/// What a stored notification shows of persons, however it is spoiled.
@Suite struct PersonalPartTests {
    private static let person = "2088123456789012"

    /// Bodies in which a person stands where nobody looks for one, with what differs from the signed text.
    private static let bodies: [(String, String)] = [
        ("split nowhere", "buyer_user_id%3D\(person)%26trade_no%3D1"),
        ("JSON", "{\"buyer_user_id\":\"\(person)\",\"trade_no\":\"1\"}"),
        ("names in capitals", "BUYER_USER_ID=\(person)&TRADE_NO=1"),
        ("escaped names", "trade_no=1&amp;buyer_user_id=\(person)"),
        ("inside another value", "subject=1%26buyer_user_id%3D\(person)"),
        ("an address that is encoded twice", "body=R1%257CC1%257C\(person)"),
        ("a stranger's parameter", "memo=\(person)"),
    ]

    @Test(arguments: bodies)
    func `persons are masked wherever they stand, unless they are asked for`(what: String, body: String) {
        let received = CapturedForm(decoding: Array(body.utf8)).parameters
        let lines = SignedTextDifference(received: received, signed: []).lines
        #expect(!lines.isEmpty)
        for shown in SignedExcerpt.all(of: lines, masksPersons: true) {
            #expect(!shown.text.contains(Self.person), "\(what): \(shown.text)")
        }
        let open = SignedExcerpt.all(of: lines, masksPersons: false).map(\.text).joined()
        #expect(open.contains(Self.person), "\(what)")
        for parameter in received { #expect(!PersonalPart.place(parameter.place).contains(Self.person)) }
    }
}

import Alipay
import Telemetry
import Wire

/// What of a stored notification may be shown without a note in the audit log.
///
/// A corrupted message hides persons in places where nobody looks for them: a body that was not split, a name in capitals,
/// an address that is still encoded. So only what is known to say nothing about anybody is shown; all else is masked.
enum PersonalPart {
    /// A line of the signed text, masked; nil where it may be shown as it is.
    static func masked(_ line: SignedTextDifference.Line) -> String? {
        guard let name = line.name else { return hidden(line.text.count) }
        let value = Array(line.text.dropFirst(name.utf8.count + 1))
        let text = Charset.utf8.decode(value) ?? Charset.gbk.decode(value) ?? String(decoding: value, as: UTF8.self)
        guard line.isKnown, !mentionsPerson(text) else { return "\(place(name))=\(hidden(value.count))" }
        let masked = NotificationCard.masked(name, text)
        if masked != text { return TerminalText.oneLine("\(name)=\(masked)") }
        return isPersonal(name) && !text.isEmpty ? "\(name)=\(hidden(value.count))" : nil
    }

    /// The name of a parameter, if it is one: in a message that was not split, it may be half of the message.
    static func place(_ name: String) -> String {
        let isName =
            (1...40).contains(name.utf8.count) && name.first?.isNumber == false
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            }
        return isName ? name : "(masked)"
    }

    private static func hidden(_ bytes: Int) -> String { "(\(bytes) bytes, masked)" }

    private static func isPersonal(_ name: String) -> Bool {
        name == "body" || name.hasPrefix("buyer_") && name != "buyer_pay_amount" || name == "seller_email"
            || name == "passback_params" || name == "subject"
    }

    private static func mentionsPerson(_ text: String) -> Bool {
        ["buyer_", "user_id", "logon", "body="].contains { text.contains($0) }
    }
}

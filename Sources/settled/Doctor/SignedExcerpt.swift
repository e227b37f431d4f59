import Alipay
import Telemetry
import Wire

/// A line of a signed text as it can be shown: control characters and bytes that are no text escaped, of a long line the
/// part that differs.
struct SignedExcerpt: Sendable {
    let side: SignedTextDifference.Line.Side
    let text: String

    /// The longest line that is shown whole, and what is shown around a difference of a longer one; in bytes.
    private static let (longest, margin, widest) = (240, 40, 400)

    static func all(of lines: [SignedTextDifference.Line], masksPersons: Bool) -> [SignedExcerpt] {
        lines.enumerated().map { index, line in
            let other =
                [index - 1, index + 1].lazy.filter(lines.indices.contains).map { lines[$0] }
                .first { $0.side != line.side && $0.name == line.name }
            let text = masksPersons ? PersonalPart.masked(line) : nil
            return SignedExcerpt(
                side: line.side, text: text ?? shown(part(of: line.text, against: other?.text)))
        }
    }

    private static func part(of bytes: [UInt8], against other: [UInt8]?) -> (ArraySlice<UInt8>, [UInt8]) {
        guard bytes.count > longest else { return (bytes[...], bytes) }
        let before = zip(bytes, other ?? []).prefix { $0 == $1 }.count
        let after = zip(bytes.reversed(), (other ?? []).reversed()).prefix { $0 == $1 }.count
        let start = max(0, before - margin)
        let end = min(bytes.count, max(bytes.count - after, before) + margin, start + widest)
        return (bytes[start..<end], bytes)
    }

    private static func shown(_ part: (slice: ArraySlice<UInt8>, whole: [UInt8])) -> String {
        var slice = part.slice
        // A cut must not fall into a character.
        if slice.startIndex > 0 { slice = slice.drop { $0 & 0xC0 == 0x80 } }
        if slice.endIndex < part.whole.count {
            while let last = slice.last, last >= 0x80 {
                slice.removeLast()
                if last >= 0xC0 { break }
            }
        }
        return (slice.startIndex > 0 ? "…" : "") + SignedBytes.text(slice)
            + (slice.endIndex < part.whole.count ? "…" : "")
    }
}

/// Bytes for a terminal, so that every difference can be seen: what is no UTF-8, and blanks at the end, as `\xNN`.
enum SignedBytes {
    static func text(_ bytes: ArraySlice<UInt8>) -> String {
        var text: String
        if let valid = String(validating: bytes, as: UTF8.self) {
            text = TerminalText.oneLine(valid)
        } else {
            text = bytes.reduce(into: "") { text, byte in
                text +=
                    byte < 0x80
                    ? TerminalText.oneLine(String(UnicodeScalar(byte))) : "\\x" + Digest.hex([byte]).uppercased()
            }
        }
        var blanks = 0
        while text.last == " " {
            text.removeLast()
            blanks += 1
        }
        return text + String(repeating: "\\x20", count: blanks)
    }
}

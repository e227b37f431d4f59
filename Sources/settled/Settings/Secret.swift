import Alipay
import Wire

/// A text that must never be printed: every description of it is a short digest, enough to see whether two are the same.
struct Secret: Sendable, Hashable {
    private let text: String

    init(_ text: String) {
        self.text = text
    }

    /// The text itself, for the one place that signs or connects with it.
    func reveal() -> String { text }

    /// `sha256:` and the first eight hexadecimal digits.
    var digest: String {
        "sha256:" + Digest.hex(Digest.sha256(Array(text.utf8))).prefix(8)
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { digest }
    var debugDescription: String { digest }
    /// `dump` and failed test expectations look into a value through its mirror; this one shows nothing.
    var customMirror: Mirror { Mirror(self, children: []) }
}

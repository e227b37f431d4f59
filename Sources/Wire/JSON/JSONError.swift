/// Why a text is not the JSON that we accept. It names a place and never quotes the text, which may hold personal data.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable {
        case syntax
        case duplicateKey = "duplicate_key"
        case tooDeep = "too_deep"
        case notAnObject = "not_an_object"
        case notInCharset = "not_in_charset"
    }

    public let code: Code
    /// Where reading stopped, in bytes from the start of the text.
    public let offset: Int

    public var description: String { "\(code.rawValue) at byte \(offset)" }
}

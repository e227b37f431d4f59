/// Why bytes were refused as XML.
struct XMLError: Error, Sendable, Hashable, CustomStringConvertible {
    enum Code: String, Sendable, CaseIterable {
        case notUTF8, syntax, doctype, entity, instruction, tooDeep, tooLarge, mismatchedTag, duplicateAttribute
        case illegalCharacter, trailing
    }

    let code: Code
    /// In bytes from the start.
    let offset: Int

    var description: String { "\(code.rawValue) at byte \(offset)" }
}

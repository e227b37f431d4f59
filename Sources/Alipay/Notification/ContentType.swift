/// The Content-Type of a request, as far as a form needs it.
struct ContentType {
    /// Type and subtype in lower case.
    let mediaType: String
    /// The parameter `charset`, without quotes.
    let charset: String?

    init(_ header: String) {
        let parts = header.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        mediaType = parts[0].lowercased()
        charset =
            parts.dropFirst().lazy.compactMap { part -> String? in
                guard let equals = part.firstIndex(of: "="), part[..<equals].lowercased() == "charset" else {
                    return nil
                }
                let value = part[part.index(after: equals)...]
                let bare =
                    value.count >= 2 && value.first == "\"" && value.last == "\"" ? value.dropFirst().dropLast() : value
                return bare.isEmpty ? nil : String(bare)
            }.first
    }

    var isForm: Bool { mediaType == "application/x-www-form-urlencoded" }

    /// Without the blanks and tabs around it.
    private static func trimmed(_ part: Substring) -> Substring {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let first = part.firstIndex(where: { !blank($0) }), let last = part.lastIndex(where: { !blank($0) })
        else {
            return ""
        }
        return part[first...last]
    }
}

/// The Content-Type of a request, as far as a form needs it.
struct ContentType {
    private let header: String

    init(_ header: String) {
        self.header = header
    }

    /// Whether it is a form's, whatever its parameters.
    var isForm: Bool {
        Self.trimmed(header.utf8.prefix { $0 != UInt8(ascii: ";") })
            .elementsEqual("application/x-www-form-urlencoded".utf8) { Self.lowercased($0) == $1 }
    }

    /// The parameter `charset`, without quotes; nil where it is absent or empty.
    var charset: String? {
        for part in header.utf8.split(separator: UInt8(ascii: ";")).dropFirst() {
            let part = Self.trimmed(part)
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")),
                part[..<equals].elementsEqual("charset".utf8, by: { Self.lowercased($0) == $1 })
            else { continue }
            var value = part[part.index(after: equals)...]
            if value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") {
                value = value.dropFirst().dropLast()
            }
            return value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
        }
        return nil
    }

    /// Without the blanks and tabs around it.
    private static func trimmed(_ part: Substring.UTF8View) -> Substring.UTF8View {
        let blank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        var part = part.drop(while: blank)
        while part.last.map(blank) == true { part.removeLast() }
        return part
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

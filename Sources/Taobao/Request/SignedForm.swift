import Wire

/// A request's parameters, signed and written as a form.
///
/// Rules (TOP's guide and its Java SDK): parameters whose value is blank are neither signed nor sent; the others are sorted
/// by the bytes of their names and joined, name and value, without separators, as raw UTF-8; `sign_method` is signed too.
/// Only what is sent is percent-encoded.
public struct SignedForm: Sendable, Hashable {
    public static let contentType = "application/x-www-form-urlencoded;charset=utf-8"

    /// What the signature covers; for `md5` the secret around it is not part of it.
    public let stringToSign: [UInt8]
    /// Upper-case hexadecimal.
    public let signature: String
    public let body: [UInt8]

    /// - Parameter parameters: all but `sign_method` and `sign`.
    public init(_ parameters: [String: String], method: SignMethod, secret: String) throws(SigningError) {
        var sent = parameters.filter { !$0.value.allSatisfy(\.isWhitespace) }
        sent["sign_method"] = method.rawValue
        stringToSign = Self.sorted(sent).reduce(into: []) { $0 += $1.name + $1.value }
        signature = try method.signature(of: stringToSign, secret: Array(secret.utf8))
        sent["sign"] = signature
        var body: [UInt8] = []
        for (name, value) in Self.sorted(sent) {
            if !body.isEmpty { body.append(UInt8(ascii: "&")) }
            body.appendFormEncoded(name)
            body.append(UInt8(ascii: "="))
            body.appendFormEncoded(value)
        }
        self.body = body
    }

    private static func sorted(_ parameters: [String: String]) -> [(name: [UInt8], value: [UInt8])] {
        parameters.map { (name: Array($0.key.utf8), value: Array($0.value.utf8)) }
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}

/// Why a key could not be read or used: what was found, and what to do about it. Never holds a part of the key.
public struct KeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A stable word for each kind of fault.
    public struct Code: RawRepresentable, Sendable, Hashable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Nothing but blanks.
        public static let empty = Code(rawValue: "key_empty")
        /// Neither PEM nor Base64, or DER that holds no key.
        public static let unreadable = Code(rawValue: "key_unreadable")
        /// A key, but of the other half: public for private, or private for public.
        public static let wrongHalf = Code(rawValue: "key_wrong_half")
        /// Protected by a password.
        public static let encrypted = Code(rawValue: "key_encrypted")
        /// Not an RSA key.
        public static let notRSA = Code(rawValue: "key_not_rsa")
        /// A modulus or an exponent outside what is accepted.
        public static let size = Code(rawValue: "key_size")
        /// The numbers of the key do not belong together.
        public static let damaged = Code(rawValue: "key_damaged")
        /// A private key is needed here and none was given.
        public static let missing = Code(rawValue: "key_missing")
        /// OpenSSL refused an operation that ought to work.
        public static let operation = Code(rawValue: "key_operation")
    }

    public let code: Code
    public let message: String

    public var description: String { message }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// Why the sandbox itself could not do its work; faults that it plays on purpose are never errors here.
public struct SandboxError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        private enum Raw { case notInCharset, keyFile, certificate, journalFile, server, badTarget, badTrade, badOrder }
        private let raw: Raw
        /// A text has a character that its charset lacks.
        public static let notInCharset = Code(raw: .notInCharset)
        /// A key could not be read or written.
        public static let keyFile = Code(raw: .keyFile)
        /// A certificate could not be made, or is not played.
        public static let certificate = Code(raw: .certificate)
        /// The journal could not be opened, written or made durable.
        public static let journalFile = Code(raw: .journalFile)
        /// The HTTP server did not start.
        public static let server = Code(raw: .server)
        /// Nobody said where the notifications of a source go.
        public static let badTarget = Code(raw: .badTarget)
        /// A trade that somebody wrote down cannot be read.
        public static let badTrade = Code(raw: .badTrade)
        /// A withholding order that somebody wrote down cannot be read.
        public static let badOrder = Code(raw: .badOrder)
    }

    public let code: Code
    public let message: String
    public var description: String { message }

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

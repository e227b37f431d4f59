import Alipay
import SystemPackage

/// The key pairs of the play: the platform's, the application's, and one that belongs to nobody here.
///
/// Throw-away keys, for loopback only. On disk the private ones are readable by their owner alone.
public struct SandboxKeys: Sendable {
    /// Signs notifications and gateway answers. In life only Alipay has it.
    public let alipay: PrivateKey
    /// Signs requests and acknowledgements: the `private_key_file` of the configuration.
    public let app: PrivateKey
    /// Signs forgeries.
    public let stranger: PrivateKey

    public init(alipay: PrivateKey, app: PrivateKey, stranger: PrivateKey) {
        self.alipay = alipay
        self.app = app
        self.stranger = stranger
    }

    public static func generate(bits: Int = 2048) throws(KeyError) -> SandboxKeys {
        try SandboxKeys(
            alipay: .generate(bits: bits), app: .generate(bits: bits), stranger: .generate(bits: bits))
    }

    /// The files of a demo configuration, all in one folder.
    public struct Files: Sendable, Hashable {
        /// `private_key_file`: the application's private key, PKCS#8 PEM.
        public let appPrivateKey: FilePath
        /// `alipay_public_key_file`: the platform's public key, PEM.
        public let alipayPublicKey: FilePath
        /// The platform's private key, which only the sandbox needs.
        public let alipayPrivateKey: FilePath
        public let strangerPrivateKey: FilePath

        public init(in folder: FilePath) {
            appPrivateKey = folder.appending("app.pem")
            alipayPublicKey = folder.appending("alipay.pem")
            alipayPrivateKey = folder.appending("sandbox-alipay-private.pem")
            strangerPrivateKey = folder.appending("sandbox-stranger-private.pem")
        }
    }

    /// Writes all keys into an existing folder; the files must not exist yet.
    @discardableResult
    public func write(into folder: FilePath) throws -> Files {
        let files = Files(in: folder)
        try Self.write(app.pemPKCS8, to: files.appPrivateKey)
        try Self.write(alipay.publicKey.pem, to: files.alipayPublicKey)
        try Self.write(alipay.pemPKCS8, to: files.alipayPrivateKey)
        try Self.write(stranger.pemPKCS8, to: files.strangerPrivateKey)
        return files
    }

    public static func load(from folder: FilePath) throws -> SandboxKeys {
        let files = Files(in: folder)
        return try SandboxKeys(
            alipay: PrivateKey(text: read(files.alipayPrivateKey)), app: PrivateKey(text: read(files.appPrivateKey)),
            stranger: PrivateKey(text: read(files.strangerPrivateKey)))
    }

    /// Created with its final mode: a file that is narrowed afterwards was open for a moment.
    private static func write(_ text: String, to path: FilePath) throws {
        do {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
            try file.closeAfter { _ = try file.writeAll(text.utf8) }
        } catch let error as Errno {
            throw SandboxError(.keyFile, "the key file \(path) could not be written: \(error)")
        }
    }

    private static func read(_ path: FilePath) throws -> String {
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec])
            return try file.closeAfter {
                try String(unsafeUninitializedCapacity: 64 * 1024) {
                    try file.read(into: UnsafeMutableRawBufferPointer($0))
                }
            }
        } catch let error as Errno {
            throw SandboxError(.keyFile, "the key file \(path) could not be read: \(error)")
        }
    }
}

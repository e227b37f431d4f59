import Alipay
import COpenSSL
import Foundation
import Testing
import Wire

/// Blocks that a careless verifier of PKCS#1 v1.5 accepts. They are encrypted with the true private key and no
/// padding, so that each is exactly what the verifier finds after the RSA operation, whatever a forger's way to such a
/// signature was.
@Suite struct ForgeryTests {
    private static let content = Array("trade_no=1&total_amount=20.50".utf8)
    private static let sha256: [UInt8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]
    private static let sha512: [UInt8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03]
    private static let sha1: [UInt8] = [0x2B, 0x0E, 0x03, 0x02, 0x1A]
    private static let digest = Digest.sha256(content)

    @Test func `the block that the standard prescribes is accepted`() throws {
        let signature = try Self.raw(Self.block(Self.info()))
        let keys = try VectorKeys.shared.get()
        #expect(try signature == keys.alipay.privateKey.sign(Self.content, with: .rsa2))
        #expect(try keys.alipay.publicKey.verify(signature, over: Self.content, with: .rsa2))
    }

    /// A forged block: what is wrong with it, and its bytes after the leading 0.
    struct Forgery: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let block: [UInt8]

        init(_ fault: String, _ block: [UInt8]) {
            testDescription = fault
            self.block = block
        }
    }

    static let forgeries: [Forgery] = {
        let good = info()
        let ff = [UInt8](repeating: 0xFF, count: 8)
        func filled(_ head: [UInt8]) -> [UInt8] { head + [UInt8](repeating: 0xA5, count: 256 - head.count) }
        var lateZero = block(good)
        lateZero[100] = 0
        var otherPadding = block(good)
        otherPadding[100] = 0xFE
        var encryption = block(good)
        encryption[1] = 2
        var noLeadingZero = block(good)
        noLeadingZero[0] = 1
        var typeZero = block(good)
        typeZero[1] = 0
        var longLength = good
        longLength.replaceSubrange(1...1, with: [0x81, good[1]])
        return [
            Forgery("garbage behind the digest, short padding", filled([0, 1] + ff + [0] + good)),
            Forgery("garbage behind the digest, one byte of padding", filled([0, 1, 0xFF, 0] + good)),
            Forgery("garbage behind the digest, no padding", filled([0, 1, 0] + good)),
            Forgery("one byte behind the digest", block(good + [0])),
            Forgery("garbage inside the NULL", block(info(null: [0x05, 0x04, 0xA5, 0xA5, 0xA5, 0xA5]))),
            Forgery("no NULL", block(info(null: []))),
            Forgery("an empty sequence for the NULL", block(info(null: [0x30, 0x00]))),
            Forgery("SHA-512's name before a SHA-256", block(info(sha512))),
            Forgery("SHA-1's name before a SHA-256", block(info(sha1))),
            Forgery("SHA-1's name and digest", block(info(sha1, digest: Array(digest.prefix(20))))),
            Forgery("the digest alone", block(digest)),
            Forgery("the digest as a string, without its algorithm", block([0x04, 0x20] + digest)),
            Forgery("a length in two bytes", block(longLength)),
            Forgery("a digest cut short", block(info(digest: Array(digest.dropLast())))),
            Forgery("another digest", block(info(digest: Digest.sha256(content + [0])))),
            Forgery("a zero within the padding", lateZero),
            Forgery("another byte within the padding", otherPadding),
            Forgery("a second zero behind the padding", block([0] + good)),
            Forgery("block type 2", encryption),
            Forgery("block type 0", typeZero),
            Forgery("no zero in front", noLeadingZero),
            Forgery("nothing but the digest's block at the end", [UInt8](repeating: 0, count: 256 - good.count) + good),
            Forgery("zero", [UInt8](repeating: 0, count: 256)),
            Forgery("one", [UInt8](repeating: 0, count: 255) + [1]),
        ]
    }()

    @Test(arguments: forgeries)
    func `every other block is refused`(forgery: Forgery) throws {
        #expect(forgery.block.count == 256)
        let signature = try Self.raw(forgery.block)
        let key = try VectorKeys.shared.get().alipay.publicKey
        for algorithm in SignatureAlgorithm.allCases {
            #expect(!key.verify(signature, over: Self.content, with: algorithm))
        }
    }

    @Test func `a PSS signature is refused`() throws {
        let key = try Self.openSSLKey()
        defer { EVP_PKEY_free(key) }
        let context = try #require(EVP_MD_CTX_new())
        defer { EVP_MD_CTX_free(context) }
        var settings: OpaquePointer?
        #expect(EVP_DigestSignInit(context, &settings, EVP_sha256(), nil, key) == 1)
        #expect(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1)
        var signature = [UInt8](repeating: 0, count: 256)
        var length = signature.count
        #expect(EVP_DigestSign(context, &signature, &length, Self.content, Self.content.count) == 1)
        #expect(length == 256)
        #expect(try !VectorKeys.shared.get().alipay.publicKey.verify(signature, over: Self.content, with: .rsa2))
    }

    /// DigestInfo in DER: the algorithm's identifier with its parameters, then the digest.
    private static func info(
        _ algorithm: [UInt8] = sha256, null: [UInt8] = [0x05, 0x00], digest: [UInt8] = digest
    ) -> [UInt8] {
        func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] { [tag, UInt8(content.count)] + content }
        return element(0x30, element(0x30, element(0x06, algorithm) + null) + element(0x04, digest))
    }

    /// 00 01 FF … FF 00 and the DigestInfo, 256 bytes in all (RFC 8017, 9.2).
    private static func block(_ info: [UInt8]) -> [UInt8] {
        [0, 1] + [UInt8](repeating: 0xFF, count: 253 - info.count) + [0] + info
    }

    /// The private-key operation on a bare block.
    private static func raw(_ block: [UInt8]) throws -> [UInt8] {
        let key = try openSSLKey()
        defer { EVP_PKEY_free(key) }
        let context = try #require(EVP_PKEY_CTX_new(key, nil))
        defer { EVP_PKEY_CTX_free(context) }
        try #require(EVP_PKEY_sign_init(context) == 1)
        try #require(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1)
        var signature = [UInt8](repeating: 0, count: 256)
        var length = signature.count
        try #require(EVP_PKEY_sign(context, &signature, &length, block, block.count) == 1)
        return signature
    }

    private static func openSSLKey() throws -> OpaquePointer {
        let der = try #require(Base64.decode(VectorKeys.shared.get().alipay.privatePKCS8))
        return try der.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            return try #require(d2i_AutoPrivateKey(nil, &start, bytes.count))
        }
    }
}

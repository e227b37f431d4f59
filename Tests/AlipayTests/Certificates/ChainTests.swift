import Alipay
import Foundation
import Sandbox
import Testing

/// Certificates made for these tests: who is believed, and why the others are not.
enum Issued {
    struct Stage: Sendable {
        let authority: SandboxAuthority
        let other: SandboxAuthority
        let roots: RootBundle
        let key: PrivateKey
    }

    static let now: Int64 = 1_773_774_470
    static let day: Int64 = 86_400

    static let stage = Result { () throws -> Stage in
        let authority = try SandboxAuthority(now: now)
        return Stage(
            authority: authority, other: try SandboxAuthority(now: now, organisation: "Another Financial"),
            roots: try RootBundle(text: authority.bundle), key: try PrivateKey.generate())
    }

    /// A good certificate of Alipay's.
    static func good(_ serial: UInt64 = 7) throws -> String {
        let stage = try stage.get()
        return try stage.authority.certificate(of: stage.key, named: "Alipay", serial: serial)
    }

    static func blocks(_ pem: String) -> [String] {
        let end = "-----END CERTIFICATE-----\n"
        return pem.components(separatedBy: end).dropLast().map { $0 + end }
    }
}

@Suite struct ChainTests {
    /// What is presented, and why it is refused; nil for what is believed.
    struct Presented: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: CertificateError.Code?
        var at = Issued.now
        let pem: @Sendable (Issued.Stage) throws -> String

        init(
            _ what: String, _ code: CertificateError.Code?, at time: Int64 = Issued.now,
            _ pem: @escaping @Sendable (Issued.Stage) throws -> String
        ) {
            testDescription = what
            self.code = code
            at = time
            self.pem = pem
        }
    }

    static let table: [Presented] = [
        Presented("a certificate with its intermediate", nil) { _ in try Issued.good() },
        Presented("the same, with remarks between the blocks", nil) { _ in
            try Issued.blocks(Issued.good()).joined(separator: "\r\nremark\r\n")
        },
        Presented("the same, in one line as in a variable", nil) { _ in
            try Issued.good().replacingOccurrences(of: "\n", with: "\\n")
        },
        Presented("without the intermediate", .unknownRoot) { _ in try Issued.blocks(Issued.good())[0] },
        Presented("with another authority's intermediate", .unknownRoot) { stage in
            let foreign = try stage.other.certificate(of: stage.key, named: "Alipay", serial: 7)
            return try Issued.blocks(Issued.good())[0] + Issued.blocks(foreign)[1]
        },
        Presented("another authority's", .unknownRoot) { stage in
            try stage.other.certificate(of: stage.key, named: "Alipay", serial: 7)
        },
        Presented("of an authority that only has the same names", .badChain) { stage in
            try SandboxAuthority(now: Issued.now).certificate(of: stage.key, named: "Alipay", serial: 7)
        },
        Presented("expired yesterday", .expired) { stage in
            try stage.authority.certificate(
                of: stage.key, named: "Alipay", serial: 7, from: Issued.now - 30 * Issued.day,
                until: Issued.now - Issued.day)
        },
        Presented("valid from tomorrow", .notYetValid) { stage in
            try stage.authority.certificate(
                of: stage.key, named: "Alipay", serial: 7, from: Issued.now + Issued.day,
                until: Issued.now + 30 * Issued.day)
        },
        Presented("a good one in thirty years", .expired, at: Issued.now + 30 * 365 * Issued.day) { _ in
            try Issued.good()
        },
        Presented("the intermediate itself", .badChain) { _ in try Issued.blocks(Issued.good())[1] },
        Presented("the root itself", .badChain) { stage in Issued.blocks(stage.authority.bundle)[2] },
        Presented("a changed byte in the signed part", .badChain) { _ in
            var blocks = try Issued.blocks(Issued.good())
            blocks[0] = try Self.changed(blocks[0], at: 300)
            return blocks.joined()
        },
        Presented("a changed byte in the signature", .badChain) { _ in
            var blocks = try Issued.blocks(Issued.good())
            blocks[0] = try Self.changed(blocks[0], at: -5)
            return blocks.joined()
        },
        Presented("a PEM that was cut", .unreadable) { _ in String(try Issued.good().prefix(400)) },
        Presented("a public key", .unreadable) { stage in try stage.key.publicKey.pem },
        Presented("a private key", .unreadable) { stage in try stage.key.pemPKCS8 },
        Presented("nothing", .unreadable) { _ in "" },
        Presented("noise", .unreadable) { _ in "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
    ]

    @Test(arguments: table)
    func `a certificate is believed only when a way within its time leads to the pinned roots`(
        presented: Presented
    ) throws {
        let stage = try Issued.stage.get()
        let text = try presented.pem(stage)
        var found: CertificateError.Code?
        do throws(CertificateError) {
            try stage.roots.verify(CertificateChain(text: text), at: presented.at)
        } catch {
            found = error.code
            #expect(error.description == error.message)
        }
        #expect(found == presented.code)
    }

    @Test func `a bundle skips what cannot be read and counts RSA alone, in its order`() throws {
        let stage = try Issued.stage.get()
        #expect(stage.roots.unreadable == 1)
        #expect(stage.roots.certificates.map(\.isRSASigned) == [false, true])
        #expect(stage.roots.number == stage.roots.certificates[1].number)
        let both = try RootBundle(text: stage.other.bundle + stage.authority.bundle)
        #expect(
            both.number == [try RootBundle(text: stage.other.bundle), stage.roots].map(\.number).joined(separator: "_"))
    }

    @Test(arguments: ["", "nothing of the kind", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func `a bundle without a certificate that counts is refused`(text: String) {
        #expect(throws: CertificateError.self) { try RootBundle(text: text) }
    }

    @Test func `a block without an end does not swallow the next one`() throws {
        let stage = try Issued.stage.get()
        let root = Issued.blocks(stage.authority.bundle)[2]
        let bundle = try RootBundle(text: "-----BEGIN CERTIFICATE-----\nMIIB\n" + root)
        #expect(bundle.certificates.count == 1 && bundle.unreadable == 1)
    }

    /// RFC 2253, with the escapes that Java adds to it (`=` and `#` anywhere), and nothing hexadecimal beyond ASCII.
    @Test(arguments: [
        ("Ant, Inc.", "CN=Ant\\, Inc."), (" padded ", "CN=\\ padded\\ "), ("a=b#c+d", "CN=a\\=b\\#c\\+d"),
        ("支付宝", "CN=支付宝"), ("\"<quoted>\";\\", "CN=\\\"\\<quoted\\>\\\"\\;\\\\"),
    ])
    func `names are written as Java writes them`(name: String, text: String) throws {
        let stage = try Issued.stage.get()
        let certificate = try Certificate(
            text: stage.authority.certificate(of: stage.key, named: name, serial: 3))
        #expect(certificate.subject == text + ",O=Sandbox,C=CN")
    }

    private static func changed(_ pem: String, at offset: Int) throws -> String {
        let body = pem.split(separator: "\n").filter { !$0.hasPrefix("-----") && !$0.hasPrefix("#") }.joined()
        var der = try #require(Data(base64Encoded: body))
        let index = offset < 0 ? der.count + offset : offset
        der[index] ^= 1
        return "-----BEGIN CERTIFICATE-----\n" + der.base64EncodedString() + "\n-----END CERTIFICATE-----\n"
    }
}

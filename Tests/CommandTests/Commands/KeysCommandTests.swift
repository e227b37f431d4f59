import Alipay
import Foundation
import Sandbox
import Testing

@testable import settled

/// `settled keys check` with files as people mix them up.
@Suite("settled keys check") struct KeysCommandTests {
    /// Good files of both modes, made once.
    struct Files: Sendable {
        let own: PrivateKey
        let alipay: PrivateKey
        let certificates: SandboxCertificates
        let other: SandboxAuthority

        static let made = Result { () throws -> Files in
            let keys = SandboxKeys(alipay: try .generate(), app: try .generate(), stranger: try .generate())
            return Files(
                own: keys.app, alipay: keys.alipay,
                certificates: try SandboxCertificates(keys, authority: SandboxAuthority(), appID: "2021000000000001"),
                other: try SandboxAuthority(organisation: "Another"))
        }

        var texts: [String: String] {
            get throws {
                [
                    "app.pem": try own.pemPKCS8, "alipay.pem": try alipay.publicKey.pem, "app.crt": certificates.app,
                    "alipay.crt": certificates.alipay, "root.crt": certificates.authority.bundle,
                ]
            }
        }
    }

    private static func check(
        _ changes: [String: String], certificates: Bool, _ arguments: [String] = []
    ) async throws -> ProgramRun {
        let folder = try SettingsFolder(try Files.made.get().texts.merging(changes) { $1 })
        let trust =
            certificates
            ? "app_cert_file: app.crt, alipay_cert_file: alipay.crt, alipay_root_cert_file: root.crt"
            : "alipay_public_key_file: alipay.pem"
        try folder.write(
            "apps: [{ id: \"2021000000000001\", private_key_file: app.pem, \(trust) }]\nsources: [{ name: cplife }]\n",
            to: "settled.yaml")
        return try await ProgramRun.settled(
            arguments: ["keys", "check", "--config", folder.path + "/settled.yaml"] + arguments)
    }

    struct Mixup: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let certificates: Bool
        let exitCode: Int32
        /// What the finding says; nil when there is none.
        let says: String?
        let change: @Sendable (Files) throws -> [String: String]

        init(
            _ what: String, certificates: Bool = false, _ exitCode: Int32, _ says: String?,
            _ change: @escaping @Sendable (Files) throws -> [String: String]
        ) {
            testDescription = what
            self.certificates = certificates
            self.exitCode = exitCode
            self.says = says
            self.change = change
        }
    }

    private static let day: Int64 = 86_400
    private static func now() -> Int64 { Int64(Date().timeIntervalSince1970) }

    static let table: [Mixup] = [
        Mixup("keys that fit", 0, nil) { _ in [:] },
        Mixup("certificates that fit", certificates: true, 0, nil) { _ in [:] },
        Mixup("our own public key in the place of Alipay's", 6, "our own public key") {
            ["alipay.pem": try $0.own.publicKey.pem]
        },
        Mixup("a public key for the private one", 6, "this is a public key") {
            ["app.pem": try $0.own.publicKey.pem]
        },
        Mixup("a private key for Alipay's public one", 6, "this is a private key") {
            ["alipay.pem": try $0.alipay.pemPKCS8]
        },
        Mixup("a certificate in key mode", 6, "this is a certificate") { ["alipay.pem": $0.certificates.alipay] },
        Mixup("a file that is no key", 78, "neither PEM nor Base64") { _ in ["app.pem": "/etc/settled/app.pem"] },
        Mixup("a short key", 6, "allow_legacy_rsa") { _ in
            ["alipay.pem": try PrivateKey.generate(bits: 1024).publicKey.pem]
        },
        Mixup("a certificate of another key", certificates: true, 6, "is not of our private key") {
            [
                "app.crt": try $0.certificates.authority.certificate(
                    of: PrivateKey.generate(), named: "2021000000000001", serial: 5)
            ]
        },
        Mixup("the two certificates swapped", certificates: true, 6, "are the two files swapped?") {
            ["app.crt": $0.certificates.alipay, "alipay.crt": $0.certificates.app]
        },
        Mixup("our certificate twice", certificates: true, 6, "the same certificate as app_cert") {
            ["alipay.crt": $0.certificates.app]
        },
        Mixup("another environment's roots", certificates: true, 6, "no way leads") {
            ["root.crt": $0.other.bundle]
        },
        Mixup("the roots in the place of Alipay's certificate", certificates: true, 6, "vouches for others") {
            ["alipay.crt": $0.certificates.authority.bundle]
        },
        Mixup("an expired certificate of Alipay's", certificates: true, 6, "has expired") {
            [
                "alipay.crt": try $0.certificates.authority.certificate(
                    of: $0.alipay, named: "Alipay", serial: 6, from: now() - 9 * day, until: now() - day)
            ]
        },
        Mixup("an expired certificate of ours", certificates: true, 6, "expired on") {
            [
                "app.crt": try $0.certificates.authority.certificate(
                    of: $0.own, named: "app", serial: 6, from: now() - 9 * day, until: now() - day)
            ]
        },
        Mixup("a certificate of ours that expires in ten days", certificates: true, 6, "renew it") {
            [
                "app.crt": try $0.certificates.authority.certificate(
                    of: $0.own, named: "app", serial: 6, until: now() + 10 * day)
            ]
        },
        Mixup("a bundle that is none", certificates: true, 78, "alipayRootCert.crt") { _ in ["root.crt": "nothing"] },
    ]

    @Test("What is mixed up is named, with the exit code that says so", arguments: table)
    func mixups(mixup: Mixup) async throws {
        let run = try await Self.check(try mixup.change(Files.made.get()), certificates: mixup.certificates, ["--json"])
        #expect(run.exitCode == mixup.exitCode, "\(run.output)\(run.errors)")
        let findings = try run.objects().filter { $0["type"] as? String == "finding" }
        if let says = mixup.says {
            #expect(findings.contains { ($0["finding"] as? String)?.contains(says) == true }, "\(findings)")
        } else {
            #expect(findings.isEmpty)
        }
        #expect(!run.output.contains("PRIVATE"))
    }

    @Test("Each file is told what it holds, whose it is, and which one")
    func telling() async throws {
        let files = try Files.made.get()
        let keys = try await Self.check([:], certificates: false, ["--json"]).objects()
        #expect(keys.map { $0["setting"] as? String } == ["private_key", "alipay_public_key"])
        #expect(keys.map { $0["owner"] as? String } == ["app", "alipay"])
        #expect(keys.map { $0["kind"] as? String } == ["private_key", "public_key"])
        #expect(keys.map { $0["encoding"] as? String } == ["pkcs8", "spki"])
        #expect(keys.map { $0["bits"] as? Int } == [2048, 2048])
        #expect(
            keys.map { $0["fingerprint"] as? String } == [files.own, files.alipay].map(\.publicKey.fingerprint))

        let run = try await Self.check([:], certificates: true)
        #expect(run.exitCode == 0)
        let number = try Certificate(text: files.certificates.alipay).number
        let row = try #require(run.lines.first { $0.contains("alipay_cert ") })
        #expect(row.contains("Alipay's") && row.contains("certificate, RSA 2048 bits") && row.contains("SN \(number)"))
        #expect(run.lines.contains { $0.contains("root bundle, 1 certificates count") })
        #expect(run.errors.contains("all keys fit together"))
    }

    @Test("An app that is not there ends with 3, a configuration that cannot be read with 78")
    func absent() async throws {
        #expect(try await Self.check([:], certificates: false, ["--app", "9"]).exitCode == 3)
        let missing = try await ProgramRun.settled("keys", "check", "--config", "/nowhere/settled.yaml")
        #expect(missing.exitCode == 78)
    }
}

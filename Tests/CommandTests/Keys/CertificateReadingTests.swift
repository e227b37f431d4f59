import Alipay
import Foundation
import Sandbox
import Testing

@testable import settled

/// Which certificates of Alipay's are believed at a start and at a reload.
@Suite("Certificates at the start") struct CertificateReadingTests {
    private static let appID = "2021000000000001"
    private static let day: Int64 = 86_400

    private let keys: SandboxKeys
    private let authority: SandboxAuthority
    private let folder: SettingsFolder
    private let now = Int64(Date().timeIntervalSince1970)

    init() throws {
        keys = SandboxKeys(alipay: try .generate(), app: try .generate(), stranger: try .generate())
        authority = try SandboxAuthority()
        let made = try SandboxCertificates(keys, authority: authority, appID: Self.appID)
        folder = try SettingsFolder([
            "app.pem": try keys.app.pemPKCS8, "app.crt": made.app, "alipay.crt": made.alipay,
            "root.crt": authority.bundle,
            "settled.yaml": """
            apps:
              - { id: "\(Self.appID)", private_key_file: app.pem, app_cert_file: app.crt, alipay_cert_file: alipay.crt,
                  alipay_root_cert_file: root.crt }
            sources: [{ name: cplife }]

            """,
        ])
    }

    private func read(earlier: [String: GatewayApp] = [:]) throws -> Settings.LoadedKeys {
        try LoadedSettings.load(file: folder.path + "/settled.yaml", environment: [:]).settings
            .readKeys(at: now, earlier: earlier)
    }

    private func believed(_ keys: Settings.LoadedKeys) -> [String] {
        keys.apps[Self.appID]?.certificateMode?.trust.chains.map(\.leaf.number) ?? []
    }

    private func certificate(_ serial: UInt64, from: Int64? = nil, until: Int64? = nil) throws -> (
        pem: String, number: String
    ) {
        let pem = try authority.certificate(
            of: keys.stranger, named: "Alipay", serial: serial, from: from, until: until)
        return (pem, try Certificate(text: pem).number)
    }

    private func keep(_ pem: String, as number: String) throws {
        try folder.write(pem, to: "alipay-\(Self.appID)-\(number).pem")
    }

    @Test(
        "A kept certificate is believed beside the configured one if it leads to the roots, and left out with a word if not"
    )
    func kept() throws {
        let configured = try Certificate(text: String(contentsOfFile: folder.path + "/alipay.crt", encoding: .utf8))
            .number
        let good = try certificate(50)
        try keep(good.pem, as: good.number)
        var loaded = try read()
        #expect(believed(loaded) == [configured, good.number])
        #expect(loaded.warnings.isEmpty)

        // Another authority's, one under another's name, an expired one, and noise.
        let foreign = try SandboxAuthority(organisation: "Another").certificate(
            of: keys.stranger, named: "Alipay", serial: 51)
        try keep(foreign, as: Certificate(text: foreign).number)
        try keep(certificate(52).pem, as: String(repeating: "0", count: 32))
        let expired = try certificate(53, from: now - 9 * Self.day, until: now - Self.day)
        try keep(expired.pem, as: expired.number)
        try keep("noise", as: String(repeating: "1", count: 32))
        try folder.write("noise", to: "alipay-\(Self.appID)-short.pem")
        loaded = try read()
        #expect(believed(loaded) == [configured, good.number])
        #expect(loaded.warnings.count == 4, "\(loaded.warnings)")
        #expect(loaded.warnings.allSatisfy { $0.contains("it is left out") })
    }

    @Test("When the configured certificate has expired, the kept one takes its place; without one the start is refused")
    func expired() throws {
        let old = try certificate(60, from: now - 9 * Self.day, until: now - Self.day)
        try folder.write(old.pem, to: "alipay.crt")
        #expect(throws: SettingsError.self) { try read() }
        let next = try certificate(61)
        try keep(next.pem, as: next.number)
        let loaded = try read()
        #expect(believed(loaded) == [next.number])
        #expect(loaded.warnings.contains { $0.contains("has expired") && $0.contains(next.number) })
    }

    @Test("A reload goes on believing what was downloaded, unless the roots have changed")
    func reload() throws {
        let first = try read()
        let next = try certificate(70)
        let trust = try #require(first.apps[Self.appID]?.certificateMode?.trust)
        try trust.admit(CertificateChain(text: next.pem), number: next.number, at: now)
        #expect(try believed(read(earlier: first.apps)).last == next.number)

        let other = try SandboxAuthority(organisation: "Another")
        try folder.write(other.bundle, to: "root.crt")
        try folder.write(
            other.certificate(of: keys.alipay, named: "Alipay", serial: 71), to: "alipay.crt")
        #expect(try believed(read(earlier: first.apps)).contains(next.number) == false)
    }

    @Test("A downloaded certificate is written whole, under its number, and read again")
    func writing() throws {
        let next = try certificate(80)
        let place = CertificateFolder(path: folder.path, appID: Self.appID)
        try place.keep(CertificateChain(text: next.pem))
        let files = place.files()
        #expect(files.map { place.number(of: $0) } == [next.number])
        #expect(try CertificateChain(text: SettingsFile.text(files[0])) == CertificateChain(text: next.pem))
        #expect(throws: CertificateFolder.Failure.self) {
            try CertificateFolder(path: "/nowhere", appID: Self.appID).keep(CertificateChain(text: next.pem))
        }
    }

    @Test("config check warns of what expires within 30 days and refuses what does not fit")
    func check() async throws {
        let soon = try authority.certificate(
            of: keys.app, named: Self.appID, serial: 90, until: now + 29 * Self.day)
        try folder.write(soon, to: "app.crt")
        let arguments = ["config", "check", "--config", folder.path + "/settled.yaml"]
        let warned = try await ProgramRun.settled(arguments: arguments)
        #expect(warned.exitCode == 0)
        #expect(warned.errors.contains("expires on"), "\(warned.errors)")
        let foreign = try authority.certificate(of: keys.stranger, named: Self.appID, serial: 91)
        try folder.write(foreign, to: "app.crt")
        let refused = try await ProgramRun.settled(arguments: arguments)
        #expect(refused.exitCode == 78)
        #expect(refused.errors.contains("is not of our private key"), "\(refused.errors)")
    }
}

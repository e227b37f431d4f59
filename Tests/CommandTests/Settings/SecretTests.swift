import Alipay
import Foundation
import Testing

@testable import settled

@Suite("Secrets and keys")
struct SecretTests {
    @Test("A secret's file is found beside the configuration, by its whole path, by a variable and as a credential")
    func files() throws {
        let folder = try SettingsFolder([
            "keys/app.pem": "  FROM FILE\n", "credentials/apps.0.private_key": "FROM CREDENTIAL\n",
        ])
        let text = Example.minimal.replacing("private_key: PRIVATE", with: "private_key_file: keys/app.pem")
        try folder.write(text, to: "settled.yaml")
        let key = { (environment: [String: String]) in
            try LoadedSettings.load(file: folder.path + "/settled.yaml", environment: environment)
                .settings.apps.first?.privateKey?.reveal()
        }
        #expect(try key([:]) == "FROM FILE")
        #expect(try key(["CREDENTIALS_DIRECTORY": folder.path + "/credentials"]) == "FROM CREDENTIAL")
        try folder.write("FROM VARIABLE'S FILE", to: "other")
        #expect(try key(["SETTLED_APPS_0_PRIVATE_KEY_FILE": "other"]) == "FROM VARIABLE'S FILE")
        #expect(try key(["SETTLED_APPS_0_PRIVATE_KEY_FILE": folder.path + "/other"]) == "FROM VARIABLE'S FILE")
        #expect(try key(["SETTLED_APPS_0_PRIVATE_KEY": "FROM VARIABLE"]) == "FROM VARIABLE")
    }

    @Test("A secret's file that everybody can read is a warning; one that is empty, a folder or too large is a problem")
    func oddFiles() throws {
        let folder = try SettingsFolder(["open": "x", "empty": "\n", "large": String(repeating: "x", count: 2 << 20)])
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.path + "/open")
        let text = { (name: String) in
            Example.minimal.replacing("private_key: PRIVATE", with: "private_key_file: \(folder.path)/\(name)")
        }
        #expect(try Example.load(text("open")).warnings.contains { $0.contains("can be read by everybody") })
        #expect(Example.problems(text("empty")).first?.hasSuffix("empty is empty") == true)
        #expect(Example.problems(text(".")).first?.hasSuffix("is not a file") == true)
        #expect(Example.problems(text("large")).first?.hasSuffix("is larger than 1MiB") == true)
    }

    @Test("No description of a secret, no explanation and no mirror of the settings shows it")
    func hidden() throws {
        let loaded = try Example.load(
            Example.minimal.replacing("PRIVATE", with: "GEHEIM1")
                + "database: { url: \"postgresql://u:GEHEIM2@h/d\" }\n",
            ["SETTLED_MERCHANTS_0_SELLER_ID": "1", "SETTLED_MERCHANTS_0_APP_AUTH_TOKEN": "GEHEIM3"])
        var dumped = ""
        dump(loaded, to: &dumped)
        let shown = [
            Explanation.table(loaded), Explanation.lines(loaded), dumped, "\(loaded)",
            String(reflecting: loaded.settings),
        ].joined()
        #expect(!shown.contains("GEHEIM"))
        #expect(shown.contains("sha256:"))
        #expect(Explanation.table(loaded).contains(Secret("GEHEIM1").digest))
    }

    @Test("Keys are parsed, and each wrong one is a sentence of its own")
    func keys() throws {
        let own = try PrivateKey.generate(bits: 2048)
        let alipay = try PrivateKey.generate(bits: 2048)
        let yaml = { (privateKey: String, alipayKey: String) in
            let lines = { (text: String) in text.split(separator: "\n").joined(separator: "\\n") }
            return Example.minimal.replacing("PRIVATE", with: "\"\(lines(privateKey))\"")
                .replacing("PUBLIC", with: "\"\(lines(alipayKey))\"")
        }
        let (privatePEM, publicPEM, ownPublicPEM) = (try own.pemPKCS8, try alipay.publicKey.pem, try own.publicKey.pem)
        let apps = try Example.load(yaml(privatePEM, publicPEM)).settings.loadKeys()
        #expect(apps["2021000000000001"]?.privateKey.publicKey.fingerprint == own.publicKey.fingerprint)
        #expect(apps["2021000000000001"]?.alipayKeys.map(\.fingerprint) == [alipay.publicKey.fingerprint])

        let problems = { (text: String) -> [String] in
            do throws(SettingsError) {
                _ = try LoadedSettings.load(text: text, file: "settled.yaml").settings.loadKeys()
                return []
            } catch {
                return error.problems.map(\.description)
            }
        }
        #expect(problems(yaml("nonsense", "nonsense")).count == 2)
        let swapped = problems(yaml(privatePEM, ownPublicPEM))
        #expect(swapped.count == 1)
        #expect(
            swapped.first?.hasPrefix("`apps[0].alipay_public_key` of app 2021000000000001: this is our own public key")
                == true)
    }

    @Test("A key of 1024 bits is refused unless the app allows it")
    func legacyKeys() throws {
        let own = try PrivateKey.generate(bits: 2048)
        let text = Example.minimal.replacing("PRIVATE", with: "\"\(try own.pemPKCS8.replacing("\n", with: "\\n"))\"")
            .replacing("PUBLIC", with: Self.legacyKey)
        #expect(throws: SettingsError.self) { try Example.load(text).settings.loadKeys() }
        let allowed = try Example.load(
            text.replacing("    private_key", with: "    allow_legacy_rsa: true\n    private_key"))
        #expect(try allowed.settings.loadKeys().count == 1)
        #expect(allowed.warnings.contains { $0.contains("1024-bit") })
    }

    /// A public key of 1024 bits, made for this test.
    private static let legacyKey =
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCvtVABVJ6Wq7RN6BjJCHSj8Tr9LIr/jFaB6DSf+mrzwNy6R1Unfn+oquW4uyB/0tKF7iPb"
        + "vPThC14UN1wCuZPj/Iy6TM/6wt6vCU0xnPPmMkXZYM2v9RxQuCrgPEFNwTUzY9SgQw281Q3bby0mVVrBfjSkx1/7haj7FbMAOCJlFQIDAQAB"
}

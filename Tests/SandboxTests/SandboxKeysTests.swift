import Alipay
import Foundation
import Sandbox
import SystemPackage
import Testing

@Suite("The keys of the sandbox")
struct SandboxKeysTests {
    @Test("Written keys are for their owner's eyes only, load again as the same keys, and are never overwritten")
    func writing() throws {
        let keys = try TestKeys.keys()
        let folder = FileManager.default.temporaryDirectory.appending(path: "sandbox-keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        let files = try keys.write(into: FilePath(folder.path))
        for path in [files.appPrivateKey, files.alipayPrivateKey, files.alipayPublicKey, files.strangerPrivateKey] {
            let mode = try FileManager.default.attributesOfItem(atPath: path.string)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(path)")
        }
        let loaded = try SandboxKeys.load(from: FilePath(folder.path))
        #expect(loaded.alipay.publicKey == keys.alipay.publicKey)
        #expect(loaded.app.publicKey == keys.app.publicKey)
        #expect(loaded.stranger.publicKey == keys.stranger.publicKey)
        #expect(throws: SandboxError.self) { try keys.write(into: FilePath(folder.path)) }
    }

    @Test("A folder without keys is said to have none")
    func missing() {
        #expect(throws: SandboxError.self) { try SandboxKeys.load(from: "/nonexistent") }
    }
}

import Foundation
import Testing

@testable import settled

/// A folder of its own with a configuration and the files that it names; gone with the value.
final class SettingsFolder: Sendable {
    let path: String

    init(_ files: [String: String] = [:]) throws {
        path = NSTemporaryDirectory() + "settled-settings-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files { try write(text, to: name) }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ text: String, to name: String) throws {
        let file = path + "/" + name
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
    }
}

/// Configurations that tests begin from.
enum Example {
    /// As small as it can be while everything that is always needed is there.
    static let minimal = """
        apps:
          - id: "2021000000000001"
            private_key: PRIVATE
            alipay_public_key: PUBLIC
        sources:
          - name: cplife

        """

    static func load(_ text: String, _ environment: [String: String] = [:]) throws -> LoadedSettings {
        try LoadedSettings.load(text: text, file: "settled.yaml", environment: environment)
    }

    /// The problems of a configuration, none when it is right.
    static func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
        do throws(SettingsError) {
            _ = try LoadedSettings.load(text: text, file: "settled.yaml", environment: environment)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }
}

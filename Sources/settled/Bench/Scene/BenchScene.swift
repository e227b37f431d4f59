import Alipay
import Foundation
import Postgres
import Sandbox
import SystemPackage
import Wire

/// What stands around the program while it is measured: keys, notifications that are signed already, the payments that they
/// speak of, and the configuration. All of it is in a private folder, which is removed at the end.
struct BenchScene: Sendable {
    static let appID = "2021000000000001"
    private static let source = "cplife"
    /// Where notifications are posted.
    static let path = "/notify/" + source

    let folder: FilePath
    let count: Int

    /// Signed notifications, one a line.
    var bodies: FilePath { folder.appending("bodies.txt") }
    /// The payments, as `settled simulate gateway --trades` reads them.
    var trades: FilePath { folder.appending("trades.jsonl") }
    var keys: FilePath { folder.appending("keys") }
    var configuration: FilePath { folder.appending("settled.yaml") }

    /// Makes a scene of `count` payments for as long as `body` takes.
    static func with<T: Sendable>(
        _ count: Int, _ body: (BenchScene) async throws -> T
    ) async throws -> T {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("settled-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: path) }
        let scene = BenchScene(folder: FilePath(path.path), count: count)
        try FileManager.default.createDirectory(
            atPath: scene.keys.string, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let keys = try SandboxKeys.generate()
        try keys.write(into: scene.keys)
        let lines = (0..<count).map(tradeLine)
        try write(lines, to: scene.trades)
        try write(await signed(lines, with: keys.alipay), to: scene.bodies)
        return try await body(scene)
    }

    /// Writes the configuration of a program that works on `database` and asks `gateway`.
    func configure(database: DatabaseUnderBench, gateway: String = "http://127.0.0.1:9/gateway.do") throws {
        let files = SandboxKeys.Files(in: keys)
        let text = """
            database: { url: \(Self.quoted(database.settings.conninfo)) }
            http: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }
            apps:
              - { id: "\(Self.appID)", gateway: "\(gateway)", private_key_file: "\(files.appPrivateKey)",
                  alipay_public_key_file: "\(files.alipayPublicKey)" }
            sources:
              - { name: \(Self.source), app: "\(Self.appID)", profile: cplife, ack: success }
            gateway: { rate_per_second: 100000, retry_floor_per_second: 1000 }
            log: { level: notice, format: json }
            merchants:

            """ + SandboxConfiguration.merchants(Merchant.invented, app: Self.appID)
        let file = try FileDescriptor.open(
            configuration, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        // It may hold the database's password.
        try file.closeAfter { _ = try file.writeAll(Array(text.utf8)) }
    }

    // MARK: Inventing

    /// Different in number, amount and bill; of one household.
    private static func tradeLine(_ number: Int) -> String {
        let digits = String(number)
        let serial = String(repeating: "0", count: max(0, 12 - digits.count)) + digits
        var line = JSONLine()
        line.add("trade_no", "2026112022001400" + serial)
        line.add("gmt_payment", "2026-11-20 22:07:11")
        line.add("total_amount", "\(1 + number % 999).\(10 + number % 90)")
        return line.object
    }

    private static func signed(_ lines: [String], with key: PrivateKey) async throws -> [String] {
        let share = max(1, lines.count / 32)
        return try await withThrowingTaskGroup(of: (Int, [String]).self) { tasks in
            for start in stride(from: 0, to: lines.count, by: share) {
                tasks.addTask { @concurrent in
                    let bodies = try lines[start..<min(start + share, lines.count)].map { line in
                        try Task.checkCancellation()
                        let message = NotificationMessage.cplife(
                            try Trade(line: line), byToken: false, path: path,
                            notifiedAt: SystemClock.microseconds() / 1_000_000)
                        return String(decoding: try message.sealed(with: key).body, as: UTF8.self)
                    }
                    return (start, bodies)
                }
            }
            var parts: [(Int, [String])] = []
            for try await part in tasks { parts.append(part) }
            return parts.sorted { $0.0 < $1.0 }.flatMap { $0.1 }
        }
    }

    private static func write(_ lines: [String], to path: FilePath) throws {
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path.string))
    }

    /// For a double-quoted scalar of YAML.
    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}

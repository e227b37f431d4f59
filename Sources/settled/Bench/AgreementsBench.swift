import ArgumentParser
import Foundation
import Postgres
import Sandbox
import Settlement
import SystemPackage

/// `settled bench agreements`: how fast a file of agreements is taken in, beside a bare COPY of the same rows, and how well
/// checks keep to their rate.
struct AgreementsBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agreements",
        abstract: "Measure the import of agreements beside a bare COPY, its memory, and the rate of the checks.",
        discussion: """
            Starts a durable PostgreSQL of its own. The import reads, validates, copies and merges; the bare COPY writes the \
            same rows, made beforehand, into a table with the same key and nothing else to do.
            """)

    @Option(name: .long, help: "Rows of the file.")
    var rows = 1_000_000
    @Option(name: .long, help: "Checks that are asked for in a second.")
    var rate = 50
    @Option(name: .long, help: "For how many seconds.")
    var seconds = 20
    @OptionGroup var output: OutputOptions

    func validate() throws {
        for (name, value, most) in [("rows", rows, 50_000_000), ("rate", rate, 1_000), ("seconds", seconds, 600)]
        where !(1...most).contains(value) {
            throw ValidationError("--\(name) takes 1 to \(most)")
        }
    }

    private struct Figures {
        var importSeconds = 0.0
        var againSeconds = 0.0
        var copySeconds = 0.0
        var peakMiB = 0
        var checksPerSecond = 0.0
    }

    func run() async throws {
        let figures = try await EmbeddedPostgres.withServer(.init(isDurable: true)) { server in
            let database = DatabaseUnderBench(settings: server.settings())
            try await database.prepare()
            output.note(try await database.durability().text)
            var figures = Figures()
            output.note("importing \(rows) rows")
            let path = FilePath(
                FileManager.default.temporaryDirectory.appendingPathComponent("settled-\(UUID().uuidString).csv").path)
            defer { try? FileManager.default.removeItem(atPath: path.string) }
            try write(to: path)
            figures.importSeconds = try await importAll(path, database)
            figures.peakMiB = Self.peakMiB()
            figures.againSeconds = try await importAll(path, database)
            output.note("a bare COPY of the same rows")
            figures.copySeconds = try await copyAll(database)
            try await database.withConnection { try await $0.execute("TRUNCATE settled.agreements CASCADE") }
            output.note("\(rate * seconds) checks at \(rate) a second")
            figures.checksPerSecond = try await checks(server.settings())
            return figures
        }
        print(figures)
    }

    // MARK: Importing

    /// The file, on disk: making it is no part of the import.
    private func write(to path: FilePath) throws {
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        try file.closeAfter {
            try file.writeAll(Array((AgreementRecord.columns.joined(separator: ",") + "\n").utf8))
            for start in stride(from: 0, to: rows, by: 2_000) {
                var text = ""
                for row in start..<min(rows, start + 2_000) {
                    text += Self.values(row).joined(separator: ",") + "\n"
                }
                try file.writeAll(Array(text.utf8))
            }
        }
    }

    private static func values(_ row: Int) -> [String] {
        [
            String(2_088_000_000_000_000 + row), "2016033100070013\(1_000_000_000 + row)", "JF", "ELECTRIC",
            "CQCENTERELECTRIC", "0\(row)", "738F4D9B6F825FDE\(1_000_000_000 + row)", "2016-02-03 18:00:00",
        ]
    }

    private func importAll(_ path: FilePath, _ database: DatabaseUnderBench) async throws -> Double {
        let started = ContinuousClock.now
        let descriptor = try FileDescriptor.open(path, .readOnly)
        defer { try? descriptor.close() }
        let file = try RowFile(
            blocks: { try AgreementsCommand.Import.block(descriptor) }, columns: AgreementRecord.columns,
            required: ["user_id"])
        let report = try await database.withConnection { connection in
            try await AgreementImport(appID: "2021000000000001").run(file, on: connection)
        }
        guard report.isKept, report.inserted + report.unchanged == rows else {
            throw CommandFailure("the import kept \(report.inserted) and found \(report.unchanged) of \(rows) rows")
        }
        return started.duration(to: .now) / .seconds(1)
    }

    private func copyAll(_ database: DatabaseUnderBench) async throws -> Double {
        try await database.withConnection { connection in
            try await connection.execute(
                """
                CREATE TABLE bare_copy (user_id text, agreement_id text, biz_type text, sub_biz_type text,
                    charge_inst text, bill_key text, out_agreement_id text, sign_date text,
                    UNIQUE (user_id, agreement_id))
                """)
            var parts: [[UInt8]] = []
            for start in stride(from: 0, to: rows, by: 20_000) {
                var text = ""
                for row in start..<min(rows, start + 20_000) { text += Self.values(row).joined(separator: "\t") + "\n" }
                parts.append(Array(text.utf8))
            }
            let started = ContinuousClock.now
            _ = try await connection.copyIn("COPY bare_copy FROM STDIN", parts, deadline: .seconds(1800))
            return started.duration(to: .now) / .seconds(1)
        }
    }

    /// The most memory that this process has had; the server's is its own.
    private static func peakMiB() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
    }

    // MARK: Checking

    private static let span = Statement(
        "bench.checks",
        """
        SELECT count(*) AS checks,
               extract(epoch FROM max(checked_at) - min(checked_at))::float8 AS seconds
        FROM settled.agreement_checks WHERE run_id = $1
        """)

    private func checks(_ database: ConnectionSettings) async throws -> Double {
        let count = rate * seconds
        let folder = FilePath(
            FileManager.default.temporaryDirectory.appendingPathComponent("settled-bench-\(UUID().uuidString)").path)
        try FileManager.default.createDirectory(
            atPath: folder.string, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let app = "2021000000000001"
        let keys = try SandboxKeys.generate()
        let files = try keys.write(into: folder)
        let gateway = GatewaySimulator(appID: app, keys: keys, book: TradeBook())
        let connection = Connection(database)
        try await connection.connect()
        var text = "user_id,agreement_id\n"
        for row in 0..<count { text += Self.values(row).prefix(2).joined(separator: ",") + "\n" }
        let file = try RowFile(Array(text.utf8), columns: AgreementRecord.columns, format: .csv)
        _ = try await AgreementImport(appID: app).run(file, on: connection)
        await connection.close()
        return try await gateway.whileRunning { url in
            let yaml = """
                database: { url: "\(database.conninfo)" }
                http: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }
                apps:
                  - { id: "\(app)", gateway: "\(url)", private_key_file: "\(files.appPrivateKey)",
                      alipay_public_key_file: "\(files.alipayPublicKey)" }
                agreements: { rate_per_second: \(rate), daily_at: "23:59" }
                """
            let settings = try LoadedSettings.load(text: yaml, file: folder.appending("settled.yaml").string).settings
            return try await RunningLine.with(settings, logTo: folder.appending("settled.log")) { _, pool in
                let runs = AgreementRuns(appID: app, pool: pool, lane: TokenStore.lane)
                let run = try await runs.begin(by: "bench").id
                try await runs.queueChecks(of: run)
                while try await runs.progress(of: run).first?.finishedAt == nil {
                    try await Task.sleep(for: .milliseconds(200))
                    try await runs.finishIfDone()
                }
                guard let row = try await pool.query(TokenStore.lane, Self.span, [.int8(run)]).first else { return 0 }
                return Double(try row.int8("checks") - 1) / (try row.float8("seconds"))
            }
        }
    }

    // MARK: Telling

    private func print(_ figures: Figures) {
        let (ours, bare) = (Double(rows) / figures.importSeconds, Double(rows) / figures.copySeconds)
        if output.json {
            var line = JSONLine()
            line.add("rows", rows)
            line.add("import_rows_per_second", Int(ours))
            line.add("import_again_rows_per_second", Int(Double(rows) / figures.againSeconds))
            line.add("bare_copy_rows_per_second", Int(bare))
            line.add("ratio", raw: Ratio.text(ours / bare))
            line.add("peak_memory_mib", figures.peakMiB)
            line.add("checks_asked_per_second", rate)
            line.add("checks_per_second", raw: String((figures.checksPerSecond * 100).rounded() / 100))
            StandardOutput.write(line.line)
            return
        }
        var table = Table([.init("WHAT"), .init("FOUND", .right), .init("BESIDE", .right), .init("RATIO", .right)])
        table.add("import, rows/s (beside a bare COPY)", "\(Int(ours))", "\(Int(bare))", Ratio.text(ours / bare))
        table.add("the same file again, rows/s", "\(Int(Double(rows) / figures.againSeconds))")
        table.add("peak memory of this process, MiB", "\(figures.peakMiB)")
        table.add(
            "checks/s (beside the configured rate)", String((figures.checksPerSecond * 100).rounded() / 100),
            "\(rate)", Ratio.text(figures.checksPerSecond / Double(rate)))
        table.print()
    }
}

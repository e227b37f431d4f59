import ArgumentParser
import Foundation
import Postgres
import Settlement
import Synchronization
import SystemPackage
import Wire

extension AgreementsCommand {
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import",
            abstract: "Take agreements in from a file: CSV with a header, or one JSON object a line.",
            discussion: """
                Columns, in any order: user_id; agreement_id, or all of biz_type, sub_biz_type, charge_inst and bill_key; \
                out_agreement_id and sign_date to be compared. A file with a bad row is refused as a whole unless --partial \
                keeps the good ones. Importing a file again changes nothing. Ends with 1 when rows were refused.
                """)

        @Argument(help: "The file; - reads standard input.", completion: .file())
        var file: String
        @Flag(name: .long, help: "Keep the good rows although others are bad.")
        var partial = false
        @Flag(name: .long, help: "Only say what would happen.")
        var dryRun = false
        @Option(name: .long, help: "utf-8 or gbk.")
        var charset = "utf-8"
        @Option(name: .long, help: "csv or jsonl; told by the first character when not given.")
        var format: String?
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard Charset(label: charset) != nil else { throw ValidationError("--charset takes utf-8 or gbk") }
            if let format, RowFile.Format(rawValue: format) == nil {
                throw ValidationError("--format takes csv or jsonl")
            }
        }

        func run() async throws {
            let (settings, agreements) = try AgreementsCommand.settings(configuration)
            let descriptor = try open()
            let rows: RowFile
            do {
                rows = try RowFile(
                    blocks: { try Self.block(descriptor) }, columns: AgreementRecord.columns, required: ["user_id"],
                    format: format.flatMap(RowFile.Format.init), charset: Charset(label: charset) ?? .utf8)
            } catch let problem as RowProblem {
                throw CommandFailure("\(file): \(problem)", .failure)
            }
            let task = AgreementImport(appID: agreements.appID, isPartial: partial, isRehearsal: dryRun)
            // Past a pooler, if there is one: the rows wait in a table of the session.
            let connection = Connection(settings.database.direct)
            try await connection.connect()
            let bar = Mutex(ProgressBar("reading", total: nil, write: output.progress))
            let report: AgreementImport.Report
            do {
                report = try await task.run(rows, on: connection) { count in
                    bar.withLock { $0.advance(to: count) }
                }
                await connection.close()
            } catch {
                await connection.close()
                throw error
            }
            bar.withLock { $0.finish() }
            print(report)
            if report.refused > 0 { throw ExitCode.failure }
        }

        private func open() throws -> FileDescriptor {
            guard file != "-" else { return .standardInput }
            do {
                return try FileDescriptor.open(FilePath(file), .readOnly, options: [.closeOnExec])
            } catch let error as Errno {
                throw CommandFailure("\(file) cannot be read: \(error)", .usage)
            }
        }

        /// The next 256 KiB; nil at the end.
        static func block(_ descriptor: FileDescriptor) throws -> [UInt8]? {
            let bytes = try [UInt8](unsafeUninitializedCapacity: 256 << 10) { buffer, count in
                count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            return bytes.isEmpty ? nil : bytes
        }

        private func print(_ report: AgreementImport.Report) {
            if output.json {
                var line = JSONLine()
                for (name, count) in Self.counts(report) { line.add(name, count) }
                line.add("kept", report.isKept)
                line.add("ignored_columns", strings: report.ignoredColumns)
                line.add(
                    "problems",
                    report.problems.map { problem in
                        var line = JSONLine()
                        line.add("line", problem.line)
                        line.add("column", problem.column)
                        line.add("reason", problem.reason)
                        return line
                    })
                StandardOutput.write(line.line)
                return
            }
            for problem in report.problems { StandardError.line("\(file): \(problem)") }
            if report.refused > report.problems.count {
                StandardError.line("… and \(report.refused - report.problems.count) more")
            }
            if !report.ignoredColumns.isEmpty {
                output.note("columns that mean nothing here: \(report.ignoredColumns.joined(separator: ", "))")
            }
            var table = Table([.init("ROWS", .right), .init("")])
            for (name, count) in Self.counts(report) { table.add(String(count), name) }
            table.print()
            output.note(
                report.isKept
                    ? "kept"
                    : dryRun
                        ? "a rehearsal: nothing was kept"
                        : "nothing was kept; mend the rows, or keep the good ones with --partial")
        }

        private static func counts(_ report: AgreementImport.Report) -> [(String, Int)] {
            [
                ("rows", report.rows), ("inserted", report.inserted), ("updated", report.updated),
                ("unchanged", report.unchanged), ("duplicates", report.duplicates), ("refused", report.refused),
            ]
        }
    }
}

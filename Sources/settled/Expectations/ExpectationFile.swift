import ArgumentParser
import Settlement
import SystemPackage
import Wire

/// A file of expectations: CSV with a header, or one JSON object a line.
///
/// All of it is read before anything is added, and a mistake anywhere refuses all of it.
enum ExpectationFile {
    /// More are not told: nobody reads them.
    static let mostProblems = 100
    /// So that a file that never ends does not fill the memory.
    static let mostRows = 1_000_000

    struct Unreadable: Error, Sendable {
        let problems: [RowProblem]
    }

    /// - Parameter file: its name; `-` is standard input.
    static func expectations(
        in file: String, charset: Charset, _ terms: ExpectationTerms
    ) throws -> [Expected] {
        let descriptor = try open(file)
        defer { if file != "-" { try? descriptor.close() } }
        do {
            var rows = try rows({ try AgreementsCommand.Import.block(descriptor) }, charset)
            return try expectations(in: &rows, terms)
        } catch let problem as RowProblem {
            throw refusal(of: file, [problem])
        } catch let unreadable as Unreadable {
            throw refusal(of: file, unreadable.problems)
        } catch let error as Errno {
            throw CommandFailure("\(file) cannot be read: \(error)", .usage)
        }
    }

    static func rows(_ blocks: @escaping @Sendable () throws -> [UInt8]?, _ charset: Charset) throws -> RowFile {
        try RowFile(
            blocks: blocks, columns: ExpectationField.allCases.map(\.rawValue), charset: charset, refusesUnknown: true)
    }

    static func expectations(in rows: inout RowFile, _ terms: ExpectationTerms) throws -> [Expected] {
        var expectations: [Expected] = []
        var problems: [RowProblem] = []
        while let entry = try rows.next(), problems.count < mostProblems {
            switch entry {
            case .problem(let problem): problems.append(problem)
            case .row(let row):
                guard expectations.count < mostRows else {
                    throw RowProblem(line: row.line, reason: "more than \(mostRows) rows; use several files")
                }
                do throws(InvalidExpectation) {
                    expectations.append(try Expected(fields(row), terms))
                } catch {
                    problems.append(RowProblem(line: row.line, column: error.field.rawValue, reason: error.reason))
                }
            }
        }
        guard problems.isEmpty else { throw Unreadable(problems: problems) }
        return expectations
    }

    private static func fields(_ row: RowFile.Row) -> [ExpectationField: String] {
        Dictionary(
            zip(ExpectationField.allCases, row.values).compactMap { field, text in text.map { (field, $0) } },
            uniquingKeysWith: { $1 })
    }

    private static func open(_ file: String) throws -> FileDescriptor {
        guard file != "-" else { return .standardInput }
        do {
            return try FileDescriptor.open(FilePath(file), .readOnly, options: [.closeOnExec])
        } catch let error as Errno {
            throw CommandFailure("\(file) cannot be read: \(error)", .usage)
        }
    }

    private static func refusal(of file: String, _ problems: [RowProblem]) -> CommandFailure {
        for problem in problems { StandardError.line("\(file): \(problem)") }
        return CommandFailure("\(file) has mistakes; nothing was added", .failure)
    }
}

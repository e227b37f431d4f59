import Postgres
import Wire

/// Takes the institution's agreements in from a file: all of them or, when told so, the good ones.
///
/// Rows are copied into a table of the session in parts, each a short transaction, and merged in one; so the file may be of
/// any size, memory is bounded, nothing waits for the file inside a transaction, and a killed import leaves nothing behind.
/// Importing the same file again changes nothing.
public struct AgreementImport: Sendable {
    public struct Report: Sendable, Hashable {
        /// Rows of the file, good and bad.
        public internal(set) var rows = 0
        public internal(set) var inserted = 0
        public internal(set) var updated = 0
        /// There already, and the same.
        public internal(set) var unchanged = 0
        /// The same row again in the file.
        public internal(set) var duplicates = 0
        public internal(set) var refused = 0
        /// The first of them, in the order of the file.
        public internal(set) var problems: [RowProblem] = []
        /// Columns of the file that nobody here knows.
        public internal(set) var ignoredColumns: [String] = []
        /// Whether the good rows were kept.
        public internal(set) var isKept = false

        fileprivate mutating func note(_ problem: RowProblem) {
            refused += 1
            if problems.count < AgreementImport.shownProblems { problems.append(problem) }
        }
    }

    /// How many problems a report shows; all are counted.
    public static let shownProblems = 50
    /// Rows of one COPY.
    static let part = 20_000

    public let appID: String
    /// Keep the good rows although others are bad.
    public let isPartial: Bool
    /// Say what would happen, and keep nothing.
    public let isRehearsal: Bool

    public init(appID: String, isPartial: Bool = false, isRehearsal: Bool = false) {
        self.appID = appID
        self.isPartial = isPartial
        self.isRehearsal = isRehearsal
    }

    /// - Parameters:
    ///   - connection: to the database itself, not through a pooler: the rows wait in a table of the session.
    ///   - progress: told the number of rows read so far.
    /// - Throws: ``RowProblem`` when the header cannot be used, ``PostgresError``, and what the file throws.
    public func run(
        _ file: RowFile, on connection: Connection, progress: @Sendable (Int) -> Void = { _ in }
    ) async throws -> Report {
        var file = file
        var report = Report()
        report.ignoredColumns = file.ignored
        try await connection.execute(Self.stage)
        // One part is copied while the next is read.
        try await withThrowingTaskGroup(of: Void.self) { copying in
            var isDone = false
            while !isDone {
                let (rows, isLast) = try Self.readPart(&file, &report)
                isDone = isLast
                progress(report.rows)
                try await copying.next()
                if !rows.isEmpty {
                    copying.addTask {
                        _ = try await connection.copyIn(Self.copy, [rows.bytes], deadline: .seconds(300))
                    }
                }
            }
            try await copying.waitForAll()
        }
        try await resolveDuplicates(&report, on: connection)
        guard report.refused == 0 || isPartial else {
            try await connection.execute(Self.unstage)
            return report
        }
        try await merge(&report, has: file.has, on: connection)
        try await connection.execute(Self.unstage)
        return report
    }

    private static func readPart(
        _ file: inout RowFile, _ report: inout Report
    ) throws -> (rows: CopyText, isLast: Bool) {
        var rows = CopyText(capacity: part * 128)
        for _ in 0..<part {
            guard let entry = try file.next() else { return (rows, true) }
            report.rows += 1
            switch entry {
            case .problem(let problem): report.note(problem)
            case .row(let row):
                do throws(RowProblem) {
                    rows.add(line: row.line, try AgreementRecord(row).values)
                } catch {
                    report.note(error)
                }
            }
        }
        return (rows, false)
    }

    // MARK: Statements

    private static let stage = """
        DROP TABLE IF EXISTS pg_temp.agreement_rows;
        CREATE TEMP TABLE agreement_rows (
            line bigint NOT NULL, user_id text NOT NULL, agreement_id text, biz_type text, sub_biz_type text,
            charge_inst text, bill_key text, out_agreement_id text, sign_date text,
            subject text GENERATED ALWAYS AS
                (settled.agreement_subject(agreement_id, biz_type, sub_biz_type, charge_inst, bill_key)) STORED
        );
        SET work_mem = '64MB'
        """
    private static let unstage = "DROP TABLE IF EXISTS pg_temp.agreement_rows; RESET work_mem"
    private static let copy = """
        COPY pg_temp.agreement_rows (line, user_id, agreement_id, biz_type, sub_biz_type, charge_inst, bill_key,
                                     out_agreement_id, sign_date) FROM STDIN
        """

    /// Later rows about the same agreement, with the line of the first and whether they say the same.
    private static let repeated = Statement(
        "agreements.repeated",
        """
        WITH twice AS MATERIALIZED (
            SELECT user_id, subject, min(line) AS first FROM pg_temp.agreement_rows GROUP BY 1, 2 HAVING count(*) > 1
        )
        SELECT r.line, t.first,
               (r.agreement_id, r.biz_type, r.sub_biz_type, r.charge_inst, r.bill_key, r.out_agreement_id, r.sign_date)
                   IS NOT DISTINCT FROM
               (f.agreement_id, f.biz_type, f.sub_biz_type, f.charge_inst, f.bill_key, f.out_agreement_id, f.sign_date)
                   AS is_same
        FROM twice t
        JOIN pg_temp.agreement_rows f ON f.user_id = t.user_id AND f.subject = t.subject AND f.line = t.first
        JOIN pg_temp.agreement_rows r ON r.user_id = t.user_id AND r.subject = t.subject AND r.line > t.first
        ORDER BY r.line
        LIMIT $1
        """)
    private static let repeatedCount = Statement(
        "agreements.repeated_count",
        """
        WITH twice AS MATERIALIZED (
            SELECT user_id, subject, min(line) AS first FROM pg_temp.agreement_rows GROUP BY 1, 2 HAVING count(*) > 1
        )
        SELECT count(*) AS repeated,
               count(*) FILTER (WHERE
                   (r.agreement_id, r.biz_type, r.sub_biz_type, r.charge_inst, r.bill_key, r.out_agreement_id, r.sign_date)
                       IS DISTINCT FROM
                   (f.agreement_id, f.biz_type, f.sub_biz_type, f.charge_inst, f.bill_key, f.out_agreement_id, f.sign_date))
                   AS contradicting
        FROM twice t
        JOIN pg_temp.agreement_rows f ON f.user_id = t.user_id AND f.subject = t.subject AND f.line = t.first
        JOIN pg_temp.agreement_rows r ON r.user_id = t.user_id AND r.subject = t.subject AND r.line > t.first
        """)

    /// The first row about each agreement; columns that the file lacks keep what stands. In the order of the key, so that two
    /// imports at once wait for each other instead of deadlocking.
    private static let merge = Statement(
        "agreements.merge",
        """
        WITH merged AS (
            INSERT INTO settled.agreements AS a
                (app_id, user_id, agreement_id, biz_type, sub_biz_type, charge_inst, bill_key, out_agreement_id, sign_date)
            SELECT DISTINCT ON (user_id, subject)
                   $1, user_id, agreement_id, biz_type, sub_biz_type, charge_inst, bill_key, out_agreement_id, sign_date
            FROM pg_temp.agreement_rows ORDER BY user_id, subject, line
            ON CONFLICT (app_id, user_id, subject) DO UPDATE SET
                biz_type = CASE WHEN $2 THEN EXCLUDED.biz_type ELSE a.biz_type END,
                sub_biz_type = CASE WHEN $3 THEN EXCLUDED.sub_biz_type ELSE a.sub_biz_type END,
                charge_inst = CASE WHEN $4 THEN EXCLUDED.charge_inst ELSE a.charge_inst END,
                bill_key = CASE WHEN $5 THEN EXCLUDED.bill_key ELSE a.bill_key END,
                out_agreement_id = CASE WHEN $6 THEN EXCLUDED.out_agreement_id ELSE a.out_agreement_id END,
                sign_date = CASE WHEN $7 THEN EXCLUDED.sign_date ELSE a.sign_date END,
                changed_at = now()
            WHERE ($2 AND a.biz_type IS DISTINCT FROM EXCLUDED.biz_type)
               OR ($3 AND a.sub_biz_type IS DISTINCT FROM EXCLUDED.sub_biz_type)
               OR ($4 AND a.charge_inst IS DISTINCT FROM EXCLUDED.charge_inst)
               OR ($5 AND a.bill_key IS DISTINCT FROM EXCLUDED.bill_key)
               OR ($6 AND a.out_agreement_id IS DISTINCT FROM EXCLUDED.out_agreement_id)
               OR ($7 AND a.sign_date IS DISTINCT FROM EXCLUDED.sign_date)
            RETURNING xmax = 0 AS is_new
        )
        SELECT count(*) FILTER (WHERE is_new) AS inserted, count(*) FILTER (WHERE NOT is_new) AS updated,
               (SELECT count(*) FROM pg_temp.agreement_rows) AS staged
        FROM merged
        """)

    private func resolveDuplicates(_ report: inout Report, on connection: Connection) async throws {
        let limit: Duration = .seconds(600)
        try await connection.execute("ANALYZE pg_temp.agreement_rows", deadline: limit)
        guard let counts = try await connection.query(Self.repeatedCount, deadline: limit).first else { return }
        let repeated = Int(try counts.int8("repeated"))
        guard repeated > 0 else { return }
        let contradicting = Int(try counts.int8("contradicting"))
        report.duplicates = repeated - contradicting
        guard contradicting > 0 else { return }
        let shown = try await connection.query(Self.repeated, [.int8(10_000)], deadline: limit)
        var problems: [RowProblem] = []
        for row in shown where try !row.bool("is_same") {
            problems.append(
                RowProblem(
                    line: Int(try row.int8("line")),
                    reason: "the same agreement as line \(try row.int8("first")), but not the same values"))
        }
        report.refused += contradicting
        report.problems = Array((report.problems + problems).sorted { $0.line < $1.line }.prefix(Self.shownProblems))
    }

    /// Merging what would be kept is also how a rehearsal finds out; it is undone then.
    private func merge(_ report: inout Report, has: [Bool], on connection: Connection) async throws {
        let parameters: [Parameter] = [.text(appID)] + has.dropFirst(2).map { .bool($0) }
        let isRehearsal = isRehearsal
        let counts: [Int]
        do {
            counts = try await connection.transaction(deadline: .seconds(1800)) { tx in
                guard let row = try tx.query(Self.merge, parameters, deadline: .seconds(1800)).first else { return [] }
                let counts = [
                    Int(try row.int8("inserted")), Int(try row.int8("updated")), Int(try row.int8("staged")),
                ]
                if isRehearsal { throw Rehearsed(counts: counts) }
                return counts
            }
        } catch let rehearsed as Rehearsed {
            counts = rehearsed.counts
        }
        guard counts.count == 3 else { return }
        report.inserted = counts[0]
        report.updated = counts[1]
        report.unchanged = report.rows - report.refused - report.duplicates - counts[0] - counts[1]
        report.isKept = !isRehearsal
    }

    private struct Rehearsed: Error {
        let counts: [Int]
    }
}

/// Rows in the text form of COPY.
struct CopyText: Sendable {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    var isEmpty: Bool { bytes.isEmpty }

    mutating func add(line: Int, _ values: [String?]) {
        bytes.append(contentsOf: String(line).utf8)
        for value in values {
            bytes.append(UInt8(ascii: "\t"))
            guard let value else {
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(UInt8(ascii: "N"))
                continue
            }
            for byte in value.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\\")])
                case UInt8(ascii: "\t"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
                case UInt8(ascii: "\n"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
                case UInt8(ascii: "\r"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
                default: bytes.append(byte)
                }
            }
        }
        bytes.append(UInt8(ascii: "\n"))
    }
}

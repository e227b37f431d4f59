import Alipay
import ArgumentParser
import JobQueue
import Postgres
import Settlement
import Wire

/// One kind of change to jobs, done as every one is done: looked at first, agreed to, done, and told job by job.
struct JobIntervention: Sendable {
    typealias Act =
        @Sendable ([Int64], Actor, _ dryRun: Bool, isolated Connection) throws(PostgresError) -> [Intervention]

    /// What became of the jobs, such as `replayed`.
    let done: String
    /// Whether jobs become ready, so that runners are told.
    var readies = false
    let act: Act

    func run(
        on ids: [Int64], _ options: InterventionOptions, _ output: OutputOptions, pool: Pool
    ) async throws {
        let ids = ids.reduce(into: [Int64]()) { unique, id in if !unique.contains(id) { unique.append(id) } }
        guard !ids.isEmpty else {
            output.note("no jobs match")
            throw ExitCode.noneMatched
        }
        let actor = options.actor
        var results = try await pool.withConnection(DatabaseVisit.lane) { connection in
            try await act(ids, actor, true, connection)
        }
        let changeable = results.filter { $0.result == .changed }.map(\.jobID)
        if readies, !changeable.isEmpty { try await tellStakes(changeable, output, pool) }
        if !options.dryRun, !changeable.isEmpty {
            let jobs = changeable.count == 1 ? "job" : "jobs"
            try options.agree(to: "\(changeable.count) \(jobs) would be \(done)", count: changeable.count)
            results = try await change(ids, actor, pool)
        }
        tell(results, isDryRun: options.dryRun, output)
        if let code = Self.exitCode(results) { throw code }
    }

    /// A few hundred at a time, so that no transaction holds many rows for long.
    private func change(_ ids: [Int64], _ actor: Actor, _ pool: Pool) async throws -> [Intervention] {
        var results: [Intervention] = []
        for start in stride(from: 0, to: ids.count, by: 200) {
            let some = Array(ids[start..<min(ids.count, start + 200)])
            results += try await pool.withConnection(DatabaseVisit.lane) { connection in
                let results = try await act(some, actor, false, connection)
                if readies {
                    let queues = Set(results.compactMap { $0.result == .changed ? $0.queue : nil })
                    try await JobSignal.announce(queues, on: connection)
                }
                return results
            }
        }
        return results
    }

    private func tellStakes(_ ids: [Int64], _ output: OutputOptions, _ pool: Pool) async throws {
        let stakes = try await pool.withConnection(DatabaseVisit.lane) { connection in
            try await ReplayStakes.of(ids, on: connection)
        }
        guard stakes.jobs > 0 else { return }
        output.note(
            "\(stakes.jobs) pay results, \(Amount(fen: stakes.claimedFen).yuan) CNY by their notifications, "
                + "\(stakes.settledAlready) of the trades are settled already")
    }

    private func tell(_ results: [Intervention], isDryRun: Bool, _ output: OutputOptions) {
        let changed = (isDryRun ? "would be " : "") + done
        if output.json {
            StandardOutput.write(results.map { $0.line(isDryRun: isDryRun).line }.joined())
        } else {
            var table = Table([.init("ID", .right), .init("QUEUE"), .init("RESULT")])
            for result in results { table.add(String(result.jobID), result.queue, result.result.words(changed)) }
            table.print()
        }
        output.note("\(results.count { $0.result == .changed }) of \(results.count) jobs \(changed)")
    }

    /// 5 when something stood in the way of a job, else 3 when a job is unknown.
    private static func exitCode(_ results: [Intervention]) -> ExitCode? {
        if results.contains(where: { $0.result != .changed && $0.result != .unknown }) { return .conflict }
        return results.contains { $0.result == .unknown } ? .noneMatched : nil
    }
}

extension Intervention.Result {
    fileprivate func words(_ changed: String) -> String {
        switch self {
        case .changed: changed
        case .refused(let state): "refused: it is \(state.rawValue)"
        case .keyTaken: "refused: another live job holds its unique key"
        case .unknown: "unknown"
        }
    }
}

extension Intervention {
    fileprivate func line(isDryRun: Bool) -> JSONLine {
        var line = JSONLine(object: json)
        line.add("dry_run", isDryRun)
        return line
    }
}

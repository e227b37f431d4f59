import ArgumentParser
import Settlement

extension AgreementsCommand {
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare all agreements with Alipay's now, and wait for the end.",
            discussion: """
                Queues a check of every agreement, unless a run is under way: then that one goes on. Workers ask at the rate \
                of agreements.rate_per_second. May be stopped and started again at any time. Ends with 0 when both sides \
                agree, 6 when they do not, 75 when --timeout came first.
                """)

        @Flag(name: .long, help: "Queue the checks and do not wait for them.")
        var noWait = false
        @Option(name: .long, help: "How many seconds to wait at most; for ever when not given.")
        var timeout: Int?
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (settings, agreements) = try AgreementsCommand.settings(configuration)
            let progress = try await DatabaseVisit.run(settings.database) { [noWait] pool in
                let runs = AgreementRuns(appID: agreements.appID, pool: pool)
                let run = try await runs.begin(by: Operator.name())
                output.note(run.isNew ? "run \(run.id) begins" : "run \(run.id) is under way and goes on")
                try await runs.queueChecks(of: run.id)
                return noWait ? try await runs.progress(of: run.id).first : try await wait(for: run.id, runs)
            }
            guard let progress else { throw CommandFailure("the run is gone") }
            print(progress)
            if progress.finishedAt != nil, progress.findings > 0 { throw ExitCode.findings }
        }

        private func wait(for run: Int64, _ runs: AgreementRuns) async throws -> AgreementRuns.Progress? {
            let limit = timeout.map { ContinuousClock.now + .seconds($0) }
            var bar: ProgressBar?
            while true {
                try await runs.finishIfDone()
                guard let progress = try await runs.progress(of: run).first else { return nil }
                if bar == nil { bar = ProgressBar("checking", total: Int(progress.queued), write: output.progress) }
                bar?.advance(to: Int(progress.checked))
                if progress.finishedAt != nil {
                    bar?.finish()
                    return progress
                }
                if let limit, ContinuousClock.now > limit {
                    bar?.finish()
                    throw CommandFailure(
                        "\(progress.checked) of \(progress.queued) checked; the run goes on, `settled agreements check` "
                            + "waits for it again", .tryLater)
                }
                try await Task.sleep(for: .milliseconds(500))
            }
        }

        private func print(_ progress: AgreementRuns.Progress) {
            if output.json {
                var line = JSONLine()
                line.add("run", progress.id)
                line.add("queued", progress.queued)
                line.add("checked", progress.checked)
                for outcome in AgreementOutcome.allCases {
                    line.add(outcome.rawValue, progress.outcomes[outcome] ?? 0)
                }
                line.add("finished_at", progress.finishedAt)
                StandardOutput.write(line.line)
            } else {
                var table = Table([.init("AGREEMENTS", .right), .init("")])
                table.add(String(progress.queued), "queued in run \(progress.id)")
                for outcome in AgreementOutcome.allCases {
                    table.add(String(progress.outcomes[outcome] ?? 0), outcome.rawValue)
                }
                table.print()
            }
            if progress.findings > 0 { output.note("see `settled agreements report`") }
        }
    }
}

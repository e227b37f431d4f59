import Alipay
import Sandbox
import Settlement

/// Plays a scenario on a stage and judges the end.
struct Demo: Sendable {
    let notifications: Int
    let seed: UInt64
    let output: OutputOptions

    /// How long the line may take to come to rest after the last notification.
    private static let patience: Duration = .seconds(180)

    func run(_ afterwards: @escaping @Sendable (DemoStage) async -> Void) async throws -> DemoReport {
        let scenario = Scenario(.init(seed: seed, notifications: notifications))
        output.note(
            "settled demo: a private PostgreSQL, a simulated gateway, \(scenario.deliveries.count) notifications")
        return try await DemoStage.with(scenario) { stage in
            let started = ContinuousClock.now
            let journal = DeliveryJournal()
            try await send(scenario, to: stage, journal)
            let sent = ContinuousClock.now
            try await rest(stage)
            let report = try await DemoReport(
                scenario, stage, journal, sending: started.duration(to: sent), whole: started.duration(to: .now))
            StandardOutput.write(output.json ? report.json : report.table)
            await afterwards(stage)
            return report
        }
    }

    private func send(_ scenario: Scenario, to stage: DemoStage, _ journal: DeliveryJournal) async throws {
        let appKey = stage.keys.app.publicKey
        let sender = NotificationSender(
            targets: [
                scenario.settings.cplifeSource: .init(
                    url: stage.notify + "/notify/" + scenario.settings.cplifeSource,
                    acknowledgement: ExpectedAcknowledgement(.signedXML, appKey: appKey)),
                scenario.settings.tradeSource: .init(
                    url: stage.notify + "/notify/" + scenario.settings.tradeSource,
                    acknowledgement: ExpectedAcknowledgement(.success, appKey: appKey)),
            ],
            // Alipay's own gaps, made two thousand times shorter: 15 hours become 27 seconds.
            keys: stage.keys, schedule: .alipay.compressed(by: 2_000), journal: journal)
        let total = scenario.deliveries.count
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await sender.send(scenario.deliveries) }
            group.addTask {
                var bar = ProgressBar("sending", total: total, write: output.progress)
                while !Task.isCancelled {
                    bar.advance(to: min(total, journal.tally.requests))
                    try? await Task.sleep(for: .milliseconds(100))
                }
                bar.advance(to: total)
                bar.finish()
            }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Waits until nothing is left to do. What never comes to rest is found by the judge, so time ends it here.
    private func rest(_ stage: DemoStage) async throws {
        let ledger = DemoLedger(pool: stage.pool)
        let limit = ContinuousClock.now + Self.patience
        var progress = try await ledger.progress()
        var bar = ProgressBar("settling", total: Int(progress.finished + progress.unfinished), write: output.progress)
        while !progress.isQuiet, ContinuousClock.now < limit {
            bar.advance(to: Int(progress.finished))
            try await Task.sleep(for: .milliseconds(100))
            progress = try await ledger.progress()
        }
        bar.advance(to: Int(progress.finished))
        bar.finish()
    }
}

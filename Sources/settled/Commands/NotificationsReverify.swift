import Alipay
import ArgumentParser
import Postgres
import Settlement

/// `settled notifications reverify`: what was refused is verified again, after a key has been mended.
struct NotificationsReverify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reverify",
        abstract: "Verify rejected notifications again with today's keys, and take in what verifies.",
        discussion: """
            For the day on which a wrong key was mended. What verifies now becomes a notification with its job, exactly as if \
            it came now, and leaves the store of rejected ones in the same commit; a trade that is known already gains no \
            second job. Look first with --dry-run. Ends with 3 when nothing verifies.
            """)

    @Option(name: .long, help: "The source.")
    var source: String?
    @Option(name: .long, help: "Why it was rejected, such as bad_signature.")
    var cause: String?
    @Option(name: .long, help: "How long ago it came for the last time, at most: 12h, 7d.")
    var since: String?
    @OptionGroup var intervention: InterventionOptions
    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let since, DurationText.parse(since) == nil {
            throw ValidationError("--since takes a duration such as 12h or 7d")
        }
    }

    func run() async throws {
        let settings = try configuration.load().settings
        if let source, !settings.sources.contains(where: { $0.name == source }) {
            let names = settings.sources.map(\.name).joined(separator: ", ")
            throw CommandFailure("no source \(source) is configured; there are: \(names)", .usage)
        }
        let apps = try settings.loadKeys()
        var sources: [String: Source] = [:]
        for source in settings.sources {
            guard let app = apps[source.appID] else { continue }
            sources[source.name] = try Source(source, app: app, limits: settings.limits)
        }
        var filter = Reverification.Filter()
        filter.source = source
        filter.cause = cause
        filter.since = since.flatMap(DurationText.parse)
        let merchants = Merchants(settings.merchants.map(Merchant.init))
        try await DatabaseVisit.run(settings.database) { [sources, filter] pool in
            let reverification = Reverification(
                sources: sources, merchants: merchants, pool: pool, lane: DatabaseVisit.lane)
            let looked = try await count(reverification, filter)
            if intervention.dryRun || looked.verified == 0 {
                try tell(looked, isDryRun: true)
                return
            }
            let notifications = looked.verified == 1 ? "notification" : "notifications"
            try intervention.agree(
                to: "\(looked.verified) rejected \(notifications) would be taken in", count: looked.verified)
            var tally = Tally()
            try await reverification.run(filter, actor: intervention.actor) { page in
                for result in page {
                    tally.add(result)
                    if case .verified = result.verdict { show(result, isDryRun: false) }
                }
            }
            try tell(tally, isDryRun: false)
        }
    }

    private func count(_ reverification: Reverification, _ filter: Reverification.Filter) async throws -> Tally {
        var tally = Tally()
        try await reverification.run(filter, actor: nil) { page in
            for result in page {
                tally.add(result)
                if intervention.dryRun, case .verified = result.verdict { show(result, isDryRun: true) }
            }
        }
        return tally
    }

    /// One line for each that verifies; there may be very many that do not, and those are counted.
    private func show(_ result: Reverification.Result, isDryRun: Bool) {
        guard case .verified(let receipt) = result.verdict else { return }
        let word = receipt?.rawValue ?? "verifies"
        if output.json {
            var line = JSONLine()
            line.add("digest", result.digest)
            line.add("source", result.source)
            line.add("rejected_for", result.cause)
            line.add("result", word)
            line.add("dry_run", isDryRun)
            StandardOutput.write(line.line)
        } else {
            StandardOutput.line("\(result.digest.prefix(16))  \(result.source)  \(result.cause)  \(word)")
        }
    }

    private func tell(_ tally: Tally, isDryRun: Bool) throws {
        var sentence = "\(tally.verified) of \(tally.all) rejected notifications verify now"
        if !isDryRun { sentence += ": " + tally.taken }
        output.note(sentence)
        if !tally.refused.isEmpty { output.note("still refused: " + tally.refusals) }
        if tally.unknownSources > 0 {
            output.note("\(tally.unknownSources) came to sources that are not configured")
        }
        if tally.verified == 0 { throw ExitCode.noneMatched }
    }
}

/// What became of the rejected notifications, counted.
private struct Tally {
    var all = 0
    var verified = 0
    var unknownSources = 0
    var refused: [String: Int] = [:]
    private var results: [String: Int] = [:]

    mutating func add(_ result: Reverification.Result) {
        all += 1
        switch result.verdict {
        case .verified(let receipt):
            verified += 1
            if let receipt { results[receipt.rawValue, default: 0] += 1 }
        case .refused(let cause): refused[cause.rawValue, default: 0] += 1
        case .unknownSource: unknownSources += 1
        case .gone: all -= 1
        }
    }

    /// `3 new, 1 duplicate`
    var taken: String { Self.text(results) }
    var refusals: String { Self.text(refused) }

    private static func text(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
}

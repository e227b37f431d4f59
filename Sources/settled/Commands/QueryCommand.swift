import ArgumentParser
import JobQueue
import Postgres
import Settlement

/// `settled query`: asks the gateway about one payment by hand (补单), through the same line as every notification.
struct QueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Queue a pay-result query by hand (补单), and wait for its end if told to.",
        discussion: """
            Prints the id of the job. A worker asks the gateway, and a paid trade is settled exactly as after a notification; \
            one that is settled already is compared. With --wait it ends with 0 when the trade is settled, 3 when nothing is \
            due, 5 when the job was quarantined, 1 when it failed or was cancelled, 75 when the job is held or \
            --timeout came first.
            """)

    @Argument(help: "The trade number.")
    var tradeNo: String?
    @Option(name: .long, help: "The query_token, when there is no trade number.")
    var token: String?
    @Option(name: .long, help: "The app that asks; needed when several are configured.")
    var app: String?
    @Option(name: .long, help: "The seller_id of the company that was paid; tells whose token asks.")
    var seller: String?
    @Flag(name: .long, help: "Wait for the end of the job and print it.")
    var wait = false
    @Option(name: .long, help: "How many seconds --wait waits at most.")
    var timeout = 120
    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (tradeNo == nil) != (token == nil) else {
            throw ValidationError("name either a trade number or --token")
        }
        guard (1...64).contains(tradeNo?.utf8.count ?? 1), (1...512).contains(token?.utf8.count ?? 1) else {
            throw ValidationError("a trade number has 1 to 64 characters, a token 1 to 512")
        }
        guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout takes 1 to 86400") }
    }

    func run() async throws {
        let settings = try configuration.load().settings
        let appID = try appID(settings)
        try await DatabaseVisit.run(settings.database) { pool in
            let job = try await work(for: appID, settings, pool).question(namedSeller: seller, priority: .urgent)
            let enqueued = try await pool.transaction(DatabaseVisit.lane) { tx in
                try JobQueue.enqueue([job], in: tx)
            }
            guard let enqueued = enqueued.first else { throw CommandFailure("the job was not stored") }
            try await pool.withConnection(DatabaseVisit.lane) { connection in
                try await JobSignal.announce([job.queue], on: connection)
            }
            if !enqueued.isNew {
                output.note(
                    "job \(enqueued.jobID) asks about it already; if it is quarantined, `settled jobs replay` asks again"
                )
            }
            if wait {
                try await waitForEnd(of: enqueued.jobID, pool)
            } else if output.json {
                var line = JSONLine()
                line.add("id", enqueued.jobID)
                line.add("is_new", enqueued.isNew)
                StandardOutput.write(line.line)
            } else {
                StandardOutput.line(String(enqueued.jobID))
            }
        }
    }

    private func appID(_ settings: Settings) throws -> String {
        let ids = settings.apps.map(\.id)
        guard let appID = app ?? (ids.count == 1 ? ids[0] : nil) else {
            throw CommandFailure(
                "several apps are configured: name one of \(ids.joined(separator: ", ")) with --app", .usage)
        }
        guard ids.contains(appID) else { throw CommandFailure("no app \(appID) is configured", .usage) }
        return appID
    }

    /// What the job is told: the seller by name, or what an earlier job about the same payment knew of it. Nobody's token
    /// is tried in the hope that it fits.
    private func work(for appID: String, _ settings: Settings, _ pool: Pool) async throws -> PayResultJob {
        let source = settings.sources.first { $0.appID == appID }
        var work = PayResultJob(
            source: source?.name ?? PayResultJob.byHand, appID: appID, tradeNo: tradeNo, queryToken: token,
            sellerID: seller)
        if seller == nil {
            let earlier = try await pool.withConnection(DatabaseVisit.lane) { [subject = work.subject] connection in
                try await JobStore.list(
                    JobFilter(kind: PayResultJob.kind, subject: subject), limit: 50, on: connection)
            }
            let known = earlier.compactMap { PayResultJob(args: $0.args) }.filter { $0.appID == appID }
            work.sellerID = known.lazy.compactMap(\.sellerID).first
            work.communityID = known.lazy.compactMap(\.communityID).first
        }
        let merchants = Merchants(settings.merchants.map(Merchant.init))
        switch merchants.resolve(
            appID: appID, sellerID: work.sellerID, communityID: work.communityID, sourceMerchant: source?.merchant)
        {
        case .merchant, .app: return work
        case .foreign:
            throw CommandFailure("seller \(work.sellerID ?? "") is no configured merchant of app \(appID)", .usage)
        case .unknown:
            throw CommandFailure("nothing tells which merchant was paid: name one with --seller", .usage)
        }
    }

    private func waitForEnd(of id: Int64, _ pool: Pool) async throws {
        let limit = ContinuousClock.now + .seconds(timeout)
        output.note("job \(id) is queued; waiting")
        while true {
            guard let dossier = try await JobRecords(pool: pool).show(id) else {
                throw CommandFailure("job \(id) is gone", .noneMatched)
            }
            let job = dossier.detail.job
            if job.state.hasEnded || job.state == .quarantined {
                JobCard(dossier).print(output)
                if let code = Self.exitCode(job) { throw code }
                return
            }
            if job.state == .held {
                throw CommandFailure(
                    "job \(id) is held under \(job.holdKey ?? ""): \(job.message ?? "") (\(job.cause ?? "")); "
                        + "it goes on by itself when that has passed", .tryLater)
            }
            guard ContinuousClock.now < limit else {
                throw CommandFailure(
                    "job \(id) is still \(job.state.rawValue): see `settled jobs show \(id)`", .tryLater)
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    static func exitCode(_ job: Job) -> ExitCode? {
        switch (job.state, job.outcome.flatMap(Outcome.init)) {
        case (.done, .settled), (.done, .alreadySettled): nil
        case (.done, .nothingDue): .noneMatched
        case (.quarantined, _): .conflict
        default: .failure
        }
    }
}

import Alipay
import ArgumentParser
import Foundation
import Sandbox
import Wire

/// `settled simulate send`.
struct SimulateSend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Sign one notification, post it, and print the answer; or play a whole scenario.",
        discussion: """
            One: --url is the endpoint, such as http://127.0.0.1:8080/notify/cplife. It ends with 0 when the answer is the \
            acknowledgement that Alipay takes for received, 1 when it is another, 69 when there is none. A scenario: --url is \
            the server, and its sources are cplife (signed-xml) and trade (success); redelivery is sped up.
            """)

    enum Profile: String, ExpressibleByArgument, CaseIterable, Sendable { case cplife, trade }
    enum Charset: String, ExpressibleByArgument, CaseIterable, Sendable { case utf8 = "utf-8", gbk }

    @Option(name: .long, help: "Where to post.")
    var url: String
    @OptionGroup var keys: SimulationKeys
    @Option(name: .long, help: "cplife (V2) or trade (V1).")
    var profile = Profile.cplife
    @Option(name: .long, help: "signed-xml, plain-json or success; what the profile expects unless told.")
    var ack: AcknowledgementStyle?
    @Option(name: .long, help: "The trade number.")
    var tradeNo: String?
    @Option(name: .long, help: "The total in yuan, such as 10.21.")
    var amount: String?
    @Option(name: .long, help: "The token; then only the token is notified.")
    var queryToken: String?
    @Option(name: .long, help: "The seller_id.")
    var seller: String?
    @Option(name: .long, help: "The community.")
    var community: String?
    @Option(name: .long, help: "utf-8 or gbk.")
    var charset = Charset.utf8
    @OptionGroup var scenario: ScenarioOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw ValidationError("--url begins with http:// or https://")
        }
        if scenario.scenario == nil, tradeNo == nil || amount == nil {
            throw ValidationError("name --trade-no and --amount, or --scenario N")
        }
    }

    func run() async throws {
        if let play = scenario.play { try await send(play) } else { try await sendOne() }
    }

    private func sendOne() async throws {
        let keys = try keys.load()
        let now = Int64(Date().timeIntervalSince1970)
        var message =
            switch profile {
            case .cplife:
                NotificationMessage.cplife(try trade(), byToken: queryToken != nil, path: url, notifiedAt: now)
            case .trade:
                NotificationMessage.trade(
                    try trade(), appID: scenario.appID, notifyID: "\(now)\(UInt32.random(in: 0 ... .max))",
                    notifiedAt: now)
            }
        if charset == .gbk { message = message.writtenInGBK }
        let style = ack ?? (profile == .cplife ? .signedXML : .success)
        let sender = NotificationSender(
            targets: ["one": .init(url: url, acknowledgement: .init(style, appKey: keys.app.publicKey))], keys: keys,
            schedule: .once)
        try await sender.send([
            Delivery(id: 1, source: "one", story: .plain, message: message, tradeNo: tradeNo, queryToken: queryToken)
        ])
        guard let entry = sender.journal.entries.first, let status = entry.status else {
            throw CommandFailure(
                "\(url) gave no answer: \(sender.journal.entries.first?.failure ?? "")", .dependencyDown)
        }
        if output.json {
            var line = JSONLine()
            line.add("status", status)
            line.add("answer", entry.answer)
            line.add("acknowledged", entry.isAcknowledged)
            line.add("milliseconds", entry.microseconds / 1000)
            StandardOutput.write(line.line)
        } else {
            var table = Table("ANSWER", "")
            table.add("status", String(status))
            table.add("body", entry.answer)
            table.add("acknowledged", entry.isAcknowledged ? "yes" : "NO: Alipay would send it again")
            table.add("took", "\(entry.microseconds / 1000) ms")
            table.print()
        }
        if !entry.isAcknowledged { throw ExitCode.failure }
    }

    private func trade() throws -> Trade {
        var line = JSONLine()
        line.add("trade_no", tradeNo)
        line.add("total_amount", amount)
        let others = [("query_token", queryToken), ("seller_id", seller), ("community_id", community)]
        for (name, value) in others { if let value { line.add(name, value) } }
        do throws(SandboxError) {
            return try Trade(line: line.object)
        } catch {
            throw CommandFailure("the trade \(error.message)", .usage)
        }
    }

    private func send(_ play: Scenario) async throws {
        let keys = try keys.load()
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        let sources: [(String, AcknowledgementStyle)] = [
            (play.settings.cplifeSource, .signedXML), (play.settings.tradeSource, .success),
        ]
        let targets = sources.map { name, style in
            (
                name,
                NotificationSender.Target(
                    url: "\(base)/notify/\(name)", acknowledgement: .init(style, appKey: keys.app.publicKey))
            )
        }
        let sender = NotificationSender(
            targets: Dictionary(uniqueKeysWithValues: targets), keys: keys, schedule: .alipay.compressed(by: 2_000))
        try await ProgressBar.following("sending", total: play.deliveries.count, output) {
            sender.journal.tally.requests
        } while: {
            try await sender.send(play.deliveries)
        }
        let tally = sender.journal.tally
        if output.json {
            var line = JSONLine()
            line.add("notifications", play.deliveries.count)
            line.add("requests", tally.requests)
            line.add("acknowledged", tally.acknowledged)
            line.add("given_up", tally.givenUp)
            line.add("unanswered", tally.unanswered)
            line.add("expected_settlements", play.expectedSettlements)
            StandardOutput.write(line.line)
        } else {
            var table = Table([.init("SENT"), .init("", .right)])
            table.add("notifications", String(play.deliveries.count))
            table.add("requests", String(tally.requests))
            table.add("acknowledged", String(tally.acknowledged))
            for (status, times) in tally.refusals.sorted(by: { $0.key < $1.key }) {
                table.add("  refused with \(status)", String(times))
            }
            table.add("given up", String(tally.givenUp))
            table.add("settlements to come", String(play.expectedSettlements))
            table.print()
        }
        if tally.givenUp > 0 { throw ExitCode.failure }
    }
}

extension AcknowledgementStyle: ExpressibleByArgument {}

import Alipay
import Foundation
import Logging
import Synchronization
import SystemPackage
import Testing

@testable import Sandbox

@Suite("The notification sender, against a small real server")
struct NotificationSenderTests {
    @Test(
        "It stops at the acknowledgement that the source owes, of every style", arguments: AcknowledgementStyle.allCases
    )
    func acknowledged(style: AcknowledgementStyle) async throws {
        let keys = try TestKeys.keys()
        let owed = try Acknowledgement(style: style, key: keys.app)
        let played = try await play(
            answers: { _ in WireReply(contentType: owed.contentType, body: owed.body) }, style: style)
        #expect(played.requests.count == 1)
        #expect(played.journal.tally.acknowledged == 1)
        #expect(played.pauses.isEmpty)
    }

    /// Answers that mean "not received", whatever they look like.
    static let refusals: [(String, Int, String)] = [
        ("overloaded", 503, "fail"), ("the right word with a line end", 200, "success\n"),
        ("the right word in capitals", 200, "SUCCESS"), ("the right word quoted", 200, "\"success\""),
        ("the right word with another status", 201, "success"), ("fail", 200, "fail"), ("nothing", 200, ""),
        ("JSON in place of the word", 200, #"{"econotify":"success"}"#),
    ]

    @Test(
        "Everything else is delivered again, seven times on Alipay's schedule, and then given up", arguments: refusals)
    func refused(what: String, status: Int, body: String) async throws {
        let played = try await play(
            answers: { _ in WireReply(status: status, body: Array(body.utf8)) }, style: .success)
        #expect(played.requests.count == 8, "\(what)")
        #expect(played.pauses == [4, 10, 10, 60, 120, 360, 900].map { .seconds($0 * 60) }, "\(what)")
        #expect(Set(played.requests.map(\.body)).count == 1, "every delivery is the same bytes")
        #expect(played.journal.tally.givenUp == 1)
        #expect(played.journal.tally.acknowledged == 0)
        #expect(played.journal.entries.map(\.attempt) == Array(1...8))
    }

    @Test("A signed XML that another key signed, or that is one byte longer, acknowledges nothing")
    func wrongXML() async throws {
        let keys = try TestKeys.keys()
        let right = try Acknowledgement(style: .signedXML, key: keys.app).body
        let wrong = [
            try Acknowledgement(style: .signedXML, key: keys.stranger).body, right + [0x0A], [0x20] + right,
            Array(String(decoding: right, as: UTF8.self).replacing("success", with: "succeed").utf8),
        ]
        for body in wrong {
            let played = try await play(answers: { _ in WireReply(body: body) }, style: .signedXML, schedule: .once)
            #expect(played.journal.tally.acknowledged == 0)
        }
    }

    @Test("After a 503 the redelivery is the one that is acknowledged, and no more come")
    func recovered() async throws {
        let played = try await play(
            answers: { number in
                number < 3 ? WireReply(status: 503, body: Array("fail".utf8)) : WireReply(body: Array("success".utf8))
            }, style: .success)
        #expect(played.requests.count == 3)
        #expect(played.pauses == [.seconds(240), .seconds(600)])
        #expect(played.journal.entries.map(\.isAcknowledged) == [false, false, true])
        #expect(played.journal.tally.refusals == [503: 2])
    }

    @Test("A broken connection is an answer like any other: noted, and tried again")
    func broken() async throws {
        let played = try await play(
            answers: { number in
                number == 1 ? WireReply(body: [0], delivery: .reset) : WireReply(body: Array("success".utf8))
            }, style: .success)
        #expect(played.requests.count == 2)
        #expect(played.journal.entries.first?.failure != nil)
        #expect(played.journal.tally.unanswered == 1)
        #expect(played.journal.tally.acknowledged == 1)
    }

    @Test("Nobody listening is noted on every delivery of the schedule")
    func nobody() async throws {
        let keys = try TestKeys.keys()
        let sender = NotificationSender(
            targets: [
                "trade": .init(url: "http://127.0.0.1:1/", acknowledgement: .init(.success, appKey: keys.app.publicKey))
            ],
            keys: keys, schedule: .every(.seconds(1), times: 2), clock: JumpingClock())
        try await sender.send([delivery()])
        #expect(sender.journal.entries.map(\.status) == [nil, nil, nil])
        #expect(sender.journal.tally.givenUp == 1)
    }

    @Test("A forged delivery is posted once, whatever it is answered")
    func forged() async throws {
        var lie = delivery()
        lie.forgery = .strangerKey
        let played = try await play(
            [lie], answers: { _ in WireReply(status: 401, body: Array("fail".utf8)) }, style: .success)
        #expect(played.requests.count == 1)
        #expect(played.pauses.isEmpty)
        #expect(played.journal.tally.givenUp == 0)
    }

    @Test("Many are posted at once, each is acknowledged once, and never more are in flight than allowed")
    func many() async throws {
        let flight = Mutex((now: 0, most: 0))
        let played = try await play(
            (1...300).map { delivery($0) },
            answers: { _ in
                flight.withLock { flight in
                    flight.now += 1
                    flight.most = max(flight.most, flight.now)
                }
                await Task.yield()
                flight.withLock { $0.now -= 1 }
                return WireReply(body: Array("success".utf8))
            }, style: .success, concurrency: 8)
        #expect(played.journal.tally.acknowledged == 300)
        #expect(Set(played.journal.entries.map(\.delivery)).count == 300)
        #expect(flight.withLock { $0.most } <= 8)
    }

    @Test("A source without an address is refused before anything is posted")
    func noTarget() async throws {
        let sender = NotificationSender(targets: [:], keys: try TestKeys.keys())
        await #expect(throws: SandboxError.self) { try await sender.send([delivery()]) }
    }

    @Test("The journal's file holds what its memory holds, line by line, and a torn last line is left out")
    func journalFile() async throws {
        let path = FilePath(FileManager.default.temporaryDirectory.path).appending(
            "journal-\(UUID().uuidString).ndjson")
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        let journal = try DeliveryJournal(appendingTo: path)
        let played = try await play(
            (1...50).map { delivery($0) }, answers: { _ in WireReply(body: Array("success".utf8)) }, style: .success,
            journal: journal)
        let written = try DeliveryJournal.read(path)
        #expect(written.count == 50)
        #expect(written == played.journal.entries)
        let file = try FileDescriptor.open(path, .writeOnly, options: [.append])
        try file.closeAfter { _ = try file.writeAll(#"{"delivery":51,"sou"#.utf8) }
        #expect(try DeliveryJournal.read(path) == written)
    }

    @Test("Compressing a schedule keeps its proportions")
    func compression() {
        let whole = RedeliverySchedule.alipay.gaps.reduce(Duration.zero, +)
        #expect(whole == Duration.seconds(24 * 3600 + 24 * 60))
        #expect(RedeliverySchedule.alipay.compressed(by: 1000).gaps.first == .milliseconds(240))
        #expect(RedeliverySchedule.alipay.compressed(by: 60).gaps.last == .seconds(900))
    }

    // MARK: -

    private struct Played {
        var requests: [WireRequest]
        var journal: DeliveryJournal
        /// How long the sender waited before each redelivery.
        var pauses: [Duration]
    }

    private func delivery(_ number: Int = 1) -> Delivery {
        let trade = someTrade(number)
        return Delivery(
            id: number, source: "trade", story: .plain,
            message: NotificationText.trade(
                trade, appID: "2021000000000001", notifyID: "1", notifiedAt: trade.paidAt), tradeNo: trade.tradeNo)
    }

    private func play(
        _ deliveries: [Delivery]? = nil, answers: @escaping @Sendable (Int) async -> WireReply,
        style: AcknowledgementStyle, schedule: RedeliverySchedule = .alipay, concurrency: Int = 4,
        journal: DeliveryJournal = DeliveryJournal()
    ) async throws -> Played {
        let keys = try TestKeys.keys()
        let requests = Mutex<[WireRequest]>([])
        let clock = JumpingClock()
        let server = LoopbackServer(
            host: "127.0.0.1", port: 0, logger: Logger(label: "t", factory: { _ in SwiftLogNoOpLogHandler() })
        ) {
            request in
            let number = requests.withLock { requests in
                requests.append(request)
                return requests.count
            }
            return await answers(number)
        }
        try await server.whileRunning { origin in
            let sender = NotificationSender(
                targets: [
                    "trade": .init(
                        url: origin + "/notify/trade",
                        acknowledgement: ExpectedAcknowledgement(style, appKey: keys.app.publicKey))
                ], keys: keys, schedule: schedule, concurrency: concurrency, journal: journal, clock: clock)
            try await sender.send(deliveries ?? [delivery()])
        }
        return Played(requests: requests.withLock { $0 }, journal: journal, pauses: clock.jumps)
    }
}

/// A clock that never makes anybody wait: to sleep is to jump to the end of the sleep, and the jumps are written down.
final class JumpingClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let state = Mutex((now: Duration.zero, jumps: [Duration]()))

    var now: Instant { Instant(offset: state.withLock { $0.now }) }
    var minimumResolution: Duration { .zero }
    var jumps: [Duration] { state.withLock { $0.jumps } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        state.withLock { state in
            guard deadline.offset > state.now else { return }
            state.jumps.append(deadline.offset - state.now)
            state.now = deadline.offset
        }
    }
}

import Alipay
import Postgres
import Settlement
import Synchronization
import Telemetry
import TestSupport
import Testing

/// From the bytes of a request to its receipt.
@Suite(.database, .timeLimit(.minutes(5))) struct IntakeTests {
    private static func withIntake<T: Sendable>(
        options: Intake.Options = Intake.Options(), queued: @escaping @Sendable () -> Void = {},
        _ body: (Intake, Source) async throws -> T
    ) async throws -> T {
        try await TestHouse.withPool { pool in
            let source = try TestHouse.source()
            let intake = Intake(
                keyring: Keyring(Credentials(merchants: TestHouse.merchants, sources: [source])), pool: pool,
                metrics: Metrics(),
                logger: TestHouse.logger, options: options, queued: queued)
            let running = Task { await intake.run() }
            let value: T
            do {
                value = try await body(intake, source)
            } catch {
                running.cancel()
                throw error
            }
            running.cancel()
            await running.value
            return value
        }
    }

    private static func word(_ receipt: Receipt) -> String {
        switch receipt {
        case .acknowledged(let acknowledgement, let result):
            acknowledgement.body == Array("success".utf8) ? result.rawValue : "wrong body"
        case .refused(let status, let cause): "\(status) \(cause)"
        case .unavailable(let cause): "503 \(cause)"
        }
    }

    @Test func `two hundred identical deliveries at once are one job and two hundred acknowledgements`() async throws {
        let words = try await Self.withIntake { intake, source in
            let delivery = try SignedNotification.delivery()
            return await withTaskGroup(of: String.self) { tasks in
                for _ in 0..<200 { tasks.addTask { Self.word(await intake.receive(delivery, at: source)) } }
                return await tasks.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(words.filter { $0 == "new" }.count == 1)
        #expect(words.filter { $0 == "duplicate" }.count == 199)
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT count(*) FROM settled.jobs") == 1)
        #expect(try await database.number("SELECT count(*) FROM settled.deliveries") == 200)
    }

    @Test func `a redelivery differs in its time and id alone, and is a duplicate`() async throws {
        let words = try await Self.withIntake { intake, source in
            var words: [String] = []
            for changes in [
                ["notify_id": "1", "notify_time": "2026-03-18 22:07:12"],
                ["notify_id": "2", "notify_time": "2026-04-18 22:07:12"],
                ["total_amount": "20.51"],
            ] {
                words.append(Self.word(await intake.receive(try SignedNotification.delivery(changes), at: source)))
            }
            return words
        }
        #expect(words == ["new", "duplicate", "new"])
    }

    @Test func `what is doubtful is acknowledged and waits for a person`() async throws {
        let words = try await Self.withIntake { intake, source in
            [
                Self.word(await intake.receive(try SignedNotification.delivery(["total_amount": "-1"]), at: source)),
                Self.word(
                    await intake.receive(try SignedNotification.delivery(bytes: ["subject": [0x41, 0]]), at: source)),
            ]
        }
        #expect(words == ["quarantined", "quarantined"])
        let database = try TestDatabase.current
        #expect(
            try await database.text(
                "SELECT string_agg(cause, ',' ORDER BY cause) FROM settled.jobs WHERE state = 'quarantined'")
                == "invalid_amount,nul_in_value")
    }

    @Test func `what does not verify is refused, kept, and is no job`() async throws {
        let words = try await Self.withIntake { intake, source in
            var body = try SignedNotification.body()
            body[body.count / 2] ^= 1
            let forged = Delivery(body: body, contentType: SignedNotification.contentType, remoteAddress: nil)
            let json = Delivery(body: Array("{}".utf8), contentType: "application/json", remoteAddress: nil)
            let twice = Delivery(
                body: Array("a=1&a=2".utf8), contentType: SignedNotification.contentType, remoteAddress: nil)
            var words: [String] = []
            for delivery in [forged, json, twice] {
                words.append(Self.word(await intake.receive(delivery, at: source)))
            }
            return words
        }
        #expect(words.map { $0.prefix(3) } == ["401", "415", "400"])
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT count(*) FROM settled.rejected") == 3)
        #expect(try await database.number("SELECT count(*) FROM settled.jobs") == 0)
        #expect(try await database.number("SELECT count(*) FROM settled.deliveries") == 0)
    }

    @Test func `forgeries in masses are told to slow down, good notifications are not`() async throws {
        var options = Intake.Options()
        options.rejectedRate = 0
        options.rejectedBurst = 2
        let words = try await Self.withIntake(options: options) { intake, source in
            var words: [String] = []
            for n in 0..<4 {
                let forged = Delivery(
                    body: Array("a=\(n)".utf8), contentType: SignedNotification.contentType, remoteAddress: nil)
                words.append(Self.word(await intake.receive(forged, at: source)))
            }
            words.append(Self.word(await intake.receive(try SignedNotification.delivery(), at: source)))
            return words
        }
        #expect(words.map { String($0.prefix(3)) } == ["401", "401", "429", "429", "new"])
    }

    @Test func `workers are told of new jobs and not of duplicates`() async throws {
        let told = Counter()
        try await Self.withIntake(queued: { told.increment() }) { intake, source in
            let delivery = try SignedNotification.delivery()
            _ = await intake.receive(delivery, at: source)
            _ = await intake.receive(delivery, at: source)
        }
        #expect(told.value == 1)
    }
}

/// Counts calls from any task.
private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func increment() { count.withLock { $0 += 1 } }
}

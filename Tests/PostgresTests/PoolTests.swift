import Logging
import Postgres
import TestSupport
import Testing

@Suite(.database) struct PoolTests {
    private func pool(_ lanes: [Lane: Int]) throws -> Pool {
        Pool(
            try TestDatabase.current.settings, lanes: lanes,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private static let pid = Statement("pid", "SELECT pg_backend_pid()")

    @Test func aConnectionBelongsToOneCallerAtATime() async throws {
        let pool = try pool(["work": 3])
        let users = Users()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<60 {
                group.addTask {
                    try await pool.withConnection("work") { connection in
                        let pid = try await connection.query(Self.pid)[0].int4(0)
                        await users.begin(pid)
                        await Task.yield()
                        _ = try await connection.query(Self.pid)
                        await users.end(pid)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(await !users.hasOverlapped)
        #expect(await users.seen.count <= 3)
        #expect(pool.gauge().map(\.inUse) == [0])
    }

    @Test func whoWaitsTooLongIsToldSoAndLanesDoNotLend() async throws {
        let pool = try pool(["one": 1, "other": 5])
        let (held, done) = (Gate(), Gate())
        let holder = Task {
            try await pool.withConnection("one") { _ in
                await held.open()
                await done.pass()
            }
        }
        await held.pass()
        let error = try await postgresError { try await pool.withConnection("one", wait: .milliseconds(50)) { _ in } }
        #expect(error?.code == .poolTimeout)
        #expect(error?.isTransient == true)
        #expect(pool.gauge().map(\.inUse) == [1, 0])
        #expect(try await pool.query("other", Self.pid).count == 1)
        await done.open()
        try await holder.value
        #expect(try await pool.query("one", Self.pid).count == 1)
    }

    @Test("A holder who only waits is told when somebody else needs the connection, and not before")
    func recall() async throws {
        let pool = try pool(["one": 1])
        let (held, recalled) = (Gate(), Gate())
        let holder = Task {
            try await pool.withConnection("one", recall: { Task { await recalled.open() } }) { _ in
                #expect(!pool.isAwaited("one"))
                await held.open()
                await recalled.pass()
                #expect(pool.isAwaited("one"))
            }
        }
        await held.pass()
        #expect(try await pool.query("one", Self.pid).count == 1)
        try await holder.value
        #expect(!pool.isAwaited("one"))
    }

    @Test func waitersAreServedInTheOrderOfTheirComing() async throws {
        let pool = try pool(["one": 1])
        let (held, done, order) = (Gate(), Gate(), Order())
        let holder = Task {
            try await pool.withConnection("one") { _ in
                await held.open()
                await done.pass()
            }
        }
        await held.pass()
        var waiters: [Task<Void, any Error>] = []
        for number in 1...5 {
            waiters.append(Task { try await pool.withConnection("one") { _ in await order.add(number) } })
            while pool.gauge()[0].waiting < number { await Task.yield() }
        }
        await done.open()
        for waiter in waiters { try await waiter.value }
        try await holder.value
        #expect(await order.numbers == [1, 2, 3, 4, 5])
    }

    @Test func aCancelledWaiterLeavesTheQueue() async throws {
        let pool = try pool(["one": 1])
        let (held, done) = (Gate(), Gate())
        let holder = Task {
            try await pool.withConnection("one") { _ in
                await held.open()
                await done.pass()
            }
        }
        await held.pass()
        let waiter = Task { try await postgresError { try await pool.withConnection("one") { _ in } } }
        while pool.gauge()[0].waiting < 1 { await Task.yield() }
        waiter.cancel()
        #expect(try await waiter.value?.code == .cancelled)
        #expect(pool.gauge()[0].waiting == 0)
        await done.open()
        try await holder.value
    }

    @Test func aConnectionThatTheServerEndedIsReplaced() async throws {
        let pool = try pool(["one": 1])
        let administrator = try await TestDatabase.current.connect()
        let before = try await pool.query("one", Self.pid)[0].int4(0)
        _ = try await administrator.query("SELECT pg_terminate_backend($1, 10000)", [.int4(before)])
        let after = try await pool.query("one", Self.pid)[0].int4(0)
        #expect(before != after)
    }

    @Test func aTransactionLeftOpenDoesNotReachTheNextCaller() async throws {
        let pool = try pool(["one": 1])
        try await pool.withConnection("one") { try await $0.execute("BEGIN; CREATE TABLE t (id int)") }
        #expect(try await pool.query("one", Statement("gone", "SELECT to_regclass('t') IS NULL"))[0].bool(0))
    }

    @Test func anUnreachableServerIsReportedWithinTheWait() async throws {
        let pool = Pool(
            ConnectionSettings("host=/nowhere"), lanes: ["one": 1],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let error = try await postgresError {
            try await pool.withConnection("one", wait: .milliseconds(50)) { _ in }
        }
        #expect(error?.code == .connection)
        #expect(pool.gauge().map(\.inUse) == [0])
    }

    @Test func aClosedPoolRefuses() async throws {
        let pool = try pool(["one": 1])
        _ = try await pool.query("one", Self.pid)
        await pool.close()
        #expect(try await postgresError { _ = try await pool.query("one", Self.pid) }?.code == .poolClosed)
        #expect(try await postgresError { _ = try await pool.query("none", Self.pid) }?.code == .invalidParameter)
    }

    @Test func aTransactionOfThePoolCommits() async throws {
        let pool = try pool(["one": 1])
        try await pool.transaction("one") { try $0.execute("CREATE TABLE t (id int)") }
        #expect(try await pool.query("one", Statement("there", "SELECT to_regclass('t') IS NOT NULL"))[0].bool(0))
    }

    private actor Users {
        private var active: Set<Int32> = []
        private(set) var seen: Set<Int32> = []
        private(set) var hasOverlapped = false

        func begin(_ pid: Int32) {
            seen.insert(pid)
            if !active.insert(pid).inserted { hasOverlapped = true }
        }

        func end(_ pid: Int32) { active.remove(pid) }
    }

    private actor Order {
        private(set) var numbers: [Int] = []
        func add(_ number: Int) { numbers.append(number) }
    }
}

import Postgres
import ServiceLifecycle
import Settlement
import SystemPackage

/// The whole program in this process: for the demo and the drills.
enum RunningLine {
    /// Runs the program as `settled run` would, for as long as `body` takes.
    static func with<T: Sendable>(
        _ settings: Settings, logTo log: FilePath, _ body: @escaping @Sendable (Line.Addresses, Pool) async throws -> T
    ) async throws -> T {
        let descriptor = try FileDescriptor.open(
            log, .writeOnly, options: [.create, .append], permissions: [.ownerReadWrite])
        defer { try? descriptor.close() }
        let logger = Startup.logger(settings.log, descriptor: descriptor.rawValue)
        let (addresses, bound) = AsyncStream.makeStream(of: Line.Addresses.self)
        let line = try Line(
            settings, apps: settings.loadKeys(), roles: [.serve, .work], logger: logger,
            listening: { bound.yield($0) })
        // The demo's own questions to the database never wait behind the program's.
        let pool = Pool(settings.database.pooled, lanes: [TokenStore.lane: 2], logger: logger)
        let group = ServiceGroup(services: line.services, logger: logger)
        return try await withThrowingTaskGroup(of: T?.self) { tasks in
            tasks.addTask {
                try await group.run()
                return nil
            }
            tasks.addTask {
                for await address in addresses { return try await body(address, pool) }
                return nil
            }
            var value: T?
            do {
                while value == nil, let next = try await tasks.next() {
                    guard let next else { throw CommandFailure("the program stopped by itself; its log is \(log)") }
                    value = next
                }
            } catch {
                await group.triggerGracefulShutdown()
                await pool.close()
                tasks.cancelAll()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            await pool.close()
            guard let value else { throw CommandFailure("the demo ended without a result") }
            return value
        }
    }
}

import Glibc
import Postgres
import Subprocess

/// A PostgreSQL server of one's own, in a private folder that is removed at the end: for the demo, tests, benches and drills.
///
/// It needs the server's programs (Debian: package `postgresql`), not a running cluster. PostgreSQL refuses to run as root,
/// so root starts it as the user `postgres`. The server never outlives this process, not even when that is killed: a small
/// shell beside it waits on a pipe that only this process holds open, and stops the server when the pipe closes.
public final class EmbeddedPostgres: Sendable {
    public struct Options: Sendable {
        /// Whether a commit is on disk when it returns. True for a demo that shows what is promised; tests may go without.
        public var isDurable = true
        /// A TCP port on 127.0.0.1, 0 for any free one. Without it the server is reached by its Unix socket alone.
        public var loopbackPort: Int?
        /// Further `postgresql.conf` settings; they replace those set here.
        public var settings: [String: String] = [:]

        public init(isDurable: Bool = true, loopbackPort: Int? = nil, settings: [String: String] = [:]) {
            self.isDurable = isDurable
            self.loopbackPort = loopbackPort
            self.settings = settings
        }
    }

    /// Holds data, socket and log; mode 0700.
    public let folder: String
    public let port: Int
    /// The superuser's password over TCP; the socket asks for none, because only the folder's owner reaches it.
    private let password: String?
    private let process: GuardedServer

    /// Starts a server, lends it to `body`, and removes it whatever happens.
    public static func withServer<T: Sendable>(
        _ options: Options = Options(), _ body: (EmbeddedPostgres) async throws -> T
    ) async throws -> T {
        let server = try await start(options)
        do {
            let value = try await body(server)
            await server.stop()
            return value
        } catch {
            await server.stop()
            throw error
        }
    }

    /// Starts a server and returns when it answers; about a second. Call ``stop()`` at the end.
    public static func start(_ options: Options = Options()) async throws -> EmbeddedPostgres {
        let programs = try PostgresPrograms.find()
        let account = try ServerAccount.current()
        let folder = try account.makePrivateFolder()
        do {
            try await initialise(folder, programs, account)
        } catch {
            // initdb removes what it made when it fails.
            rmdir(folder)
            throw error
        }
        let server = try EmbeddedPostgres(folder, options, programs, account)
        do {
            try await server.becomeReady()
        } catch {
            await server.stop()
            throw error
        }
        return server
    }

    /// Stops the server and removes its folder. Connections to it break.
    public func stop() async {
        _ = await process.stop()
    }

    /// How to reach `database` through the Unix socket, as the superuser.
    public func settings(database: String = "postgres") -> ConnectionSettings {
        ConnectionSettings("host=\(folder) port=\(port) user=postgres dbname=\(database)")
    }

    /// The same over TCP, as a URI with the password; nil when the server does not listen.
    public func loopbackURI(database: String = "postgres") -> String? {
        password.map { "postgresql://postgres:\($0)@127.0.0.1:\(port)/\(database)" }
    }

    private init(
        _ folder: String, _ options: Options, _ programs: PostgresPrograms, _ account: ServerAccount
    ) throws(EmbeddedPostgresError) {
        self.folder = folder
        switch options.loopbackPort {
        case nil: port = 5432
        case 0: port = try freeLoopbackPort()
        case let number?: port = number
        }
        password =
            options.loopbackPort == nil
            ? nil : (0..<4).map { _ in String(UInt32.random(in: .min ... .max), radix: 36) }.joined()
        process = GuardedServer(
            programs.path("postgres"), folder, ["-p", "\(port)"] + Self.serverArguments(options, folder), account)
    }

    private static func serverArguments(_ options: Options, _ folder: String) -> [String] {
        var settings = [
            "listen_addresses": options.loopbackPort == nil ? "" : "127.0.0.1",
            "unix_socket_directories": folder,
            "unix_socket_permissions": "0700",
            "max_connections": "200",
        ]
        if !options.isDurable {
            settings.merge(["fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"]) { $1 }
        }
        settings.merge(options.settings) { $1 }
        return settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    private static func initialise(_ folder: String, _ programs: PostgresPrograms, _ account: ServerAccount)
        async throws
    {
        let initdb = account.configuration(
            programs.path("initdb"),
            [
                "-D", "\(folder)/data", "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth-local=trust",
                "--auth-host=scram-sha-256", "--no-sync", "--no-instructions",
            ], in: folder)
        let result = try await run(initdb, output: .string(limit: 64 * 1024), error: .combinedWithOutput)
        guard result.terminationStatus.isSuccess else {
            throw EmbeddedPostgresError("initdb failed: \(lastLine(of: result.standardOutput))")
        }
    }

    private func becomeReady() async throws {
        let connection = Connection(settings())
        let limit = ContinuousClock.now + .seconds(30)
        while !(await isAnswering(connection)) {
            guard ContinuousClock.now < limit, !process.hasEnded else {
                throw EmbeddedPostgresError("PostgreSQL did not start: \(lastLine(of: await process.stop()))")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        if let password {
            // The digits and letters of base 36 need no quoting.
            try await connection.execute("ALTER ROLE postgres PASSWORD '\(password)'")
        }
        await connection.close()
    }

    /// A server that still starts refuses; that is no error yet.
    private func isAnswering(_ connection: Connection) async -> Bool {
        do {
            try await connection.connect()
            return true
        } catch {
            return false
        }
    }
}

/// Why there is no server, and what to do about it.
public struct EmbeddedPostgresError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

private func lastLine(of log: String) -> String {
    log.split(whereSeparator: \.isNewline).last.map(String.init) ?? "it left no log"
}

import Glibc
import Postgres
import Sandbox
import Testing

@Suite struct EmbeddedPostgresTests {
    @Test func itAnswersOverTheSocketAndOverLoopbackWithItsPassword() async throws {
        let one = Statement("one", "SELECT 1")
        let folder = try await EmbeddedPostgres.withServer(.init(isDurable: false, loopbackPort: 0)) { server in
            let uri = try #require(server.loopbackURI())
            for settings in [server.settings(), ConnectionSettings(uri)] {
                let connection = Connection(settings)
                try await connection.connect()
                #expect(try await connection.query(one)[0].int4(0) == 1)
            }
            let stranger = Connection(
                ConnectionSettings("host=127.0.0.1 port=\(server.port) user=postgres password=no"))
            await #expect(throws: PostgresError.self) { try await stranger.connect() }
            return server.folder
        }
        let late = Connection(ConnectionSettings("host=\(folder) user=postgres"))
        await #expect(throws: PostgresError.self) { try await late.connect() }
    }

    @Test func aServerThatCannotStartSaysWhy() async throws {
        do {
            _ = try await EmbeddedPostgres.start(.init(settings: ["shared_buffers": "lots"]))
            Issue.record("it started")
        } catch let error as EmbeddedPostgresError {
            #expect(error.description.contains("shared_buffers") || error.description.contains("configuration"))
        }
    }

    @Test func aKilledProcessLeavesNeitherServerNorFolder() async throws {
        let result = try #require(
            await #expect(processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]) {
                let server = try await EmbeddedPostgres.start(.init(isDurable: false))
                let line = "folder=\(server.folder)\n"
                _ = line.withCString { write(STDOUT_FILENO, $0, line.utf8.count) }
                kill(getpid(), SIGKILL)
            })
        let output = String(decoding: result.standardOutputContent, as: UTF8.self)
        let folder = try #require(output.split(separator: "\n").first { $0.hasPrefix("folder=") }?.dropFirst(7))
        let limit = ContinuousClock.now + .seconds(30)
        while access(String(folder), F_OK) == 0, ContinuousClock.now < limit { await Task.yield() }
        #expect(access(String(folder), F_OK) != 0)
    }
}

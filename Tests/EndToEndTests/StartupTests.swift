import Foundation
import Glibc
import Postgres
import Sandbox
import TestSupport
import Testing

/// What keeps the program from starting is one clear sentence and an exit code that a supervisor understands.
@Suite struct StartupTests {
    private func run(_ arguments: [String], _ environment: [String: String] = [:], in stage: RealStage) async throws
        -> (
            RealProgram.End, String
        )
    {
        let program = try RealProgram(arguments, folder: stage.folder, environment: environment)
        let end = await program.waitForEnd()
        return (end, program.output)
    }

    @Test
    func
        `a broken configuration, a missing key, a database that is away or without its schema, and a misspelt fail point are told apart`()
        async throws
    {
        let scenario = Scenario(.init(seed: 3, notifications: 1))
        try await RealStage.with(scenario) { stage in
            let good = try String(contentsOfFile: stage.configuration, encoding: .utf8)
            func file(_ text: String) throws -> String {
                let name = stage.folder + "/\(UUID().uuidString).yaml"
                try text.write(toFile: name, atomically: true, encoding: .utf8)
                return name
            }

            let unknown = try file(good.replacing("sources:", with: "sorces:"))
            var (end, output) = try await run(["run", "--config", unknown], in: stage)
            #expect(end == .exit(78))
            #expect(output.contains("sorces") && output.contains("sources"), "\(output)")

            (end, output) = try await run(["run", "--config", stage.folder + "/nothing.yaml"], in: stage)
            #expect(end == .exit(78))
            #expect(output.contains("nothing.yaml"))

            let keyless = try file(good.replacing("private_key_file: \"", with: "private_key_file: \"/nowhere"))
            (end, output) = try await run(["run", "--config", keyless], in: stage)
            #expect(end == .exit(78))
            #expect(output.contains("private_key_file"), "\(output)")

            let away = try file(good.replacing("host=", with: "host=/nowhere"))
            (end, output) = try await run(["run", "--config", away], in: stage)
            #expect(end == .exit(69), "\(output)")
            #expect(output.split(separator: "\n").count <= 4)

            (end, output) = try await run(
                ["run", "--config", stage.configuration], ["SETTLED_FAILPOINT": "intake.typo:kill"], in: stage)
            #expect(end == .exit(78))
            #expect(output.contains("intake.typo"))

            let connection = Connection(stage.database)
            try await connection.connect()
            try await connection.execute("DROP SCHEMA settled CASCADE")
            await connection.close()
            (end, output) = try await run(["run", "--config", stage.configuration], in: stage)
            #expect(end == .exit(78), "\(output)")
            #expect(output.contains("settled migrate up"))
            (end, output) = try await run(["migrate", "up", "--config", stage.configuration], in: stage)
            #expect(end == .exit(0), "\(output)")
        }
    }

    @Test func `with a certificate the listener speaks TLS, and a certificate that is none is named`() async throws {
        let scenario = Scenario(.init(seed: 3, notifications: 1))
        try await RealStage.with(scenario) { stage in
            let made = try RealProgram(
                [
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-keyout",
                    stage.folder + "/tls.key", "-out", stage.folder + "/tls.pem",
                ], folder: stage.folder, executable: "/usr/bin/openssl")
            #expect(await made.waitForEnd() == .exit(0))
            let good = try String(contentsOfFile: stage.configuration, encoding: .utf8)
            let file = stage.folder + "/tls.yaml"
            try good.replacing(
                "admin_listen:", with: "tls: { cert_file: tls.pem, key_file: tls.key }, admin_listen:"
            ).write(toFile: file, atomically: true, encoding: .utf8)
            let program = try RealProgram(["run", "--config", file], folder: stage.folder)
            try await program.during {
                let address = try await program.addresses().notify
                let curl = try RealProgram(
                    ["-sS", "--insecure", "https://\(address)/livez"], folder: stage.folder,
                    executable: "/usr/bin/curl")
                #expect(await curl.waitForEnd() == .exit(0))
                #expect(curl.output == "ok\n")
            }
            try "nothing".write(toFile: stage.folder + "/tls.pem", atomically: true, encoding: .utf8)
            let (end, output) = try await run(["run", "--config", file], in: stage)
            #expect(end == .exit(78))
            #expect(output.contains("tls.pem"), "\(output)")
        }
    }
}

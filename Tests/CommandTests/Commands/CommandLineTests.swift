import ArgumentParser
import Testing

@testable import settled

@Suite("Command lines") struct CommandLineTests {
    @Test(
        "What a command cannot mean is refused with 2 before anything is opened",
        arguments: [
            ["jobs", "list", "--limit", "0"], ["jobs", "list", "--limit", "1001"], ["jobs", "list", "--before", "0"],
            ["jobs", "list", "--state", "lost"], ["jobs", "show"], ["jobs", "show", "x"],
            ["jobs", "replay", "--reason", "r"], ["jobs", "replay", "1", "--state", "failed", "--reason", "r"],
            ["jobs", "replay", "1"], ["jobs", "replay", "1", "--reason", "  "], ["jobs", "cancel", "1"],
            ["jobs", "cancel", "--reason", "r"], ["jobs", "resolve", "1", "--reason", "r"],
            ["jobs", "resolve", "1", "--as", "settled", "--reason", "r"], ["queues", "pause", "q"],
            ["query"], ["query", "T1", "--token", "t"], ["query", "T1", "--timeout", "0"],
            ["query", String(repeating: "9", count: 65)], ["notifications", "list", "--cause", "x"],
            ["notifications", "list", "--rejected", "--result", "new"], ["notifications", "show", "abc"],
            ["notifications", "show", "not-hexadecimal"], ["notifications", "show", "12", "--rejected"],
            ["feed", "tail", "--after", "-1"], ["feed", "tail", "--token-file", "t"], ["tokens", "create"],
            ["tokens", "create", "--scope", "all"], ["tokens", "create", "--scope", "read", "--name", ""],
            ["simulate", "gateway", "--keys", "k"],
            ["simulate", "gateway", "--keys", "k", "--trades", "t", "--scenario", "1"],
            ["simulate", "send", "--keys", "k", "--url", "http://h"],
            ["simulate", "send", "--keys", "k", "--url", "h", "--scenario", "1"],
            ["simulate", "send", "--keys", "k", "--url", "http://h", "--scenario", "1", "--day", "2026-02-30"],
        ])
    func refused(arguments: [String]) throws {
        let error = #expect(throws: (any Error).self) { try Settled.parseAsRoot(arguments) }
        #expect(error.map { Settled.exitCode(for: $0) } == .validationFailure)
    }

    @Test(
        "What the documentation shows is accepted",
        arguments: [
            ["jobs", "list", "--state", "quarantined", "--cause", "bad", "--limit", "1000", "--before", "7", "--json"],
            ["jobs", "replay", "1", "2", "--reason", "r", "--yes"],
            ["jobs", "replay", "--state", "quarantined", "--dry-run"],
            ["jobs", "resolve", "1", "--as", "accepted", "--reason", "r"],
            ["queues", "pause", "pay-results", "--reason", "r"], ["query", "T1", "--wait"],
            ["query", "--token", "+/=", "--app", "a", "--seller", "s"], ["notifications", "show", "12"],
            ["notifications", "show", "12345678", "--rejected", "--raw"], ["settlements", "list", "--bill", "b"],
            ["feed", "tail", "--after", "3", "--follow", "--url", "http://h", "--token-file", "f"],
            ["tokens", "create", "--scope", "operate", "--name", "billing"], ["healthcheck"],
            ["simulate", "send", "--keys", "k", "--url", "http://h", "--scenario", "10", "--day", "2026-11-20"],
        ])
    func accepted(arguments: [String]) throws {
        #expect(throws: Never.self) { try Settled.parseAsRoot(arguments) }
    }

    @Test func `the person is who sudo says, then who the shell says, at this host`() {
        #expect(Operator.name(environment: ["SUDO_USER": "wang", "USER": "root"], host: "h") == "wang@h")
        #expect(Operator.name(environment: ["SUDO_USER": "", "USER": "li"], host: "h") == "li@h")
        #expect(Operator.name(environment: [:], host: "h").hasSuffix("@h"))
    }

    @Test func `persons are masked so that they can still be recognised`() {
        #expect(Mask.account("2088123456789012") == "2088****9012")
        #expect(Mask.account("12345678") == "1***")
        #expect(Mask.login("159****5620") == "159****5620")
        #expect(Mask.login("wang@example.com") == "wang****.com")
        #expect(Mask.text("7号楼-101室") == "7***")
        #expect(Mask.text("") == "")
    }

    @Test func `a line of JSON is one line, in the order of writing, and steers no terminal`() {
        var line = JSONLine(object: Array(#"{"a":1}"#.utf8))
        line.add("text", "q\" \u{1B}[2J \u{9B} \u{202E} 中\n")
        line.add("nothing", nil as String?)
        line.add("number", Int64.min)
        #expect(
            line.line
                == #"{"a":1,"text":"q\" \u001b[2J \u009b \u202e 中\n","nothing":null,"number":-9223372036854775808}"#
                + "\n")
    }
}

import Foundation
import Logging
import Testing

@testable import Telemetry

/// A pipe that a log is written into.
final class LogPipe: Sendable {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        reading = ends[0]
        writing = ends[1]
    }

    deinit {
        close(reading)
        close(writing)
    }

    /// Everything up to and with the `count`th line feed.
    func lines(_ count: Int) -> [String] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count(where: { $0 == 10 }) < count {
            let got = read(reading, &chunk, chunk.count)
            guard got > 0 else { break }
            bytes += chunk[..<got]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .dropLast()
            .map(String.init)
    }
}

@Suite("Log lines")
struct LogTests {
    private func logger(_ pipe: LogPipe, _ sink: LogSink? = nil) -> Logger {
        let sink = sink ?? LogSink(descriptor: pipe.writing)
        return Logger(label: "settled.test") { label in
            JSONLogHandler(label: label, version: "1.2.3", sink: sink, now: { "2026-03-01T08:15:30.042Z" })
        }
    }

    private func object(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test("A line has the promised fields, and metadata as fields of their own")
    func fields() throws {
        let pipe = try LogPipe()
        logger(pipe).notice(
            "stored", metadata: ["event": "intake.stored", "trade_no": "2026", "attempt": .stringConvertible(3)])
        #expect(
            pipe.lines(1) == [
                #"{"ts":"2026-03-01T08:15:30.042Z","level":"notice","event":"intake.stored","msg":"stored","#
                    + #""service":"settled","version":"1.2.3","attempt":3,"trade_no":"2026"}"#
            ])
    }

    /// Texts that break out of lines, strings, terminals and encodings; shown in test reports by their name alone.
    struct Hostile: CustomTestStringConvertible {
        let testDescription: String
        let text: String

        static let texts = [
            Hostile(testDescription: "plain", text: "plain"), Hostile(testDescription: "empty", text: ""),
            Hostile(testDescription: "quotes", text: "\"quoted\" \\ back"),
            Hostile(testDescription: "line feeds", text: "two\nlines\r\n"),
            Hostile(testDescription: "control characters", text: "\u{0}\u{1}\u{1B}[31m\u{7F}\u{85}\u{9B}"),
            Hostile(testDescription: "separators", text: "\u{2028}\u{2029}"),
            Hostile(testDescription: "Chinese", text: "物业费 💰"),
            Hostile(testDescription: "override", text: "\u{202E}evil"),
            Hostile(testDescription: "JSON", text: "{\"ts\":1}"),
            Hostile(testDescription: "markup", text: "</script>${jndi:x}"),
            Hostile(
                testDescription: "invalid UTF-8",
                text: String(decoding: [0xFF, 0xC3, 0x28, 0xF0] as [UInt8], as: UTF8.self)),
            Hostile(testDescription: "combining", text: "e\u{301}"),
            Hostile(testDescription: "not characters", text: "\u{FFFE}\u{FFFF}"),
        ]
    }

    @Test(
        "Whatever an outsider writes, a line is one line and valid JSON that reads back the same",
        arguments: Hostile.texts)
    func hostile(_ hostile: Hostile) throws {
        let text = hostile.text
        let pipe = try LogPipe()
        logger(pipe).error("\(text)", metadata: ["value": "\(text)", "\(text)": "key", "deep": ["a": [.string(text)]]])
        let line = try #require(pipe.lines(1).first)
        #expect(
            line.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0.value != 0x2028
            })
        let object = try object(line)
        #expect(object["msg"] as? String == text)
        #expect(object["value"] as? String == text)
    }

    @Test("A long value is cut on a whole character, and a line with very many values ends in time")
    func limits() throws {
        let pipe = try LogPipe()
        let long = String(repeating: "业", count: 100_000)
        var metadata: Logger.Metadata = [:]
        for number in 0..<500 { metadata["key\(number)"] = .string(long) }
        logger(pipe).info("\(long)", metadata: metadata)
        let line = try #require(pipe.lines(1).first)
        let object = try object(line)
        #expect(object["msg"] as? String == String(repeating: "业", count: 682) + "…")
        #expect(object["truncated"] as? Bool == true)
        #expect(line.utf8.count < JSONLogHandler.longestLine + 4 * JSONLogHandler.longestValue)
    }

    @Test("Metadata cannot pass itself off as a field of the line")
    func ownFields() throws {
        let pipe = try LogPipe()
        logger(pipe).info("x", metadata: ["level": "fake", "ts": "fake", "service": "fake"])
        let object = try object(try #require(pipe.lines(1).first))
        #expect(object["level"] as? String == "info")
        #expect(object["meta.level"] as? String == "fake")
    }

    @Test("An error's type and message are fields")
    func errors() throws {
        struct Broken: Error, CustomStringConvertible { var description: String { "it broke" } }
        let pipe = try LogPipe()
        logger(pipe).error("x", error: Broken())
        let object = try object(try #require(pipe.lines(1).first))
        #expect(object["err.type"] as? String == "Broken")
        #expect(object["err.msg"] as? String == "it broke")
    }

    @Test(
        "While nobody reads, logging goes on, drops and counts; afterwards a line says how many are missing",
        .timeLimit(.minutes(5)))
    func blockedPipe() throws {
        let pipe = try LogPipe()
        let sink = LogSink(descriptor: pipe.writing, capacity: 100_000)
        let logger = logger(pipe, sink)
        let text = String(repeating: "x", count: 1000)
        // A line that waited for its reader would wait for ever: nobody reads until all are written.
        for _ in 0..<2000 { logger.info("\(text)") }
        let dropped = sink.dropped
        #expect(dropped > 1000)
        let lines = pipe.lines(2000 - dropped + 1)
        #expect(lines.contains("\(dropped) log lines dropped"))
        #expect(lines.count == 2000 - dropped + 1)
    }

    @Test("A reader that is gone costs the lines and not the program")
    func closedPipe() throws {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        close(ends[0])
        let sink = LogSink(descriptor: ends[1])
        sink.write(Array("x\n".utf8))
        sink.flush(within: .seconds(10))
        #expect(sink.dropped == 1)
        close(ends[1])
    }

    @Test(
        "Times are RFC 3339 in UTC with milliseconds",
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"), (951_782_400, 7, "2000-02-29T00:00:00.007Z"),
            (1_772_352_930, 42, "2026-03-01T08:15:30.042Z"), (-1, 999, "1969-12-31T23:59:59.999Z"),
            (4_107_542_399, 1, "2100-02-28T23:59:59.001Z"), (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        ] as [(Int64, Int64, String)])
    func times(seconds: Int64, milliseconds: Int64, text: String) {
        #expect(LogTime.text(seconds: seconds, milliseconds: milliseconds) == text)
    }

    @Test("A line for people shows control characters instead of obeying them, and colours only when asked")
    func text() throws {
        let pipe = try LogPipe()
        let sink = LogSink(descriptor: pipe.writing)
        for usesColor in [false, true] {
            let logger = Logger(label: "x") { label in
                TextLogHandler(label: label, usesColor: usesColor, sink: sink, now: { "T" })
            }
            logger.info("a\u{1B}[2Jb\n", metadata: ["k": "two words"])
        }
        #expect(
            pipe.lines(2) == [
                #"T INFO     a\u{1b}[2Jb\n k="two words""#,
                "T \u{1B}[32mINFO    \u{1B}[0m " + #"a\u{1b}[2Jb\n k="two words""#,
            ])
    }
}

import ArgumentParser
import Foundation
import Glibc

/// `settled bench post`: posts bodies that were signed before, each once; in a process of its own, so that its share of the
/// processor is not the server's.
struct PostingPlayer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "post", abstract: "Post bodies from a file, one a line, and print how it went as JSON.",
        shouldDisplay: false)

    @Option(name: .long, help: "The server's port on 127.0.0.1.")
    var port: Int
    @Option(name: .long, help: "Where to post.")
    var path: String
    @Option(name: .long, help: "The file.")
    var bodies: String
    @Option(name: .long, help: "Lines to leave out.")
    var first = 0
    @Option(name: .long, help: "Lines to send.")
    var count: Int
    @Option(name: .long, help: "In a second; 0 sends as fast as they are answered.")
    var rate = 0.0
    @Option(name: .long, help: "Connections.")
    var clients = 64

    func run() throws {
        let outcome = try Posting(
            port: port, path: path, bodies: Lines(file: bodies, first: first, count: count), rate: rate,
            clients: clients
        ).run()
        StandardOutput.line(String(decoding: try JSONEncoder().encode(outcome), as: UTF8.self))
    }
}

/// What became of the posted bodies.
struct PostingOutcome: Codable, Sendable, Equatable {
    var sent = 0
    var refused = 0
    var seconds = 0.0
    /// Milliseconds from the moment at which a body was due to its answer.
    var median = 0.0
    var p99 = 0.0

    var rate: Double { Double(sent) / seconds }
}

/// Some lines of a file, in memory.
struct Lines {
    private let bytes: [UInt8]
    private let ranges: [Range<Int>]

    init(file: String, first: Int, count: Int) throws {
        bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        var ranges: [Range<Int>] = []
        var start = 0
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            ranges.append(start..<index)
            start = index + 1
        }
        guard first >= 0, count >= 0, first + count <= ranges.count else {
            throw CommandFailure("\(file) has \(ranges.count) lines, not \(first + count)", .usage)
        }
        self.ranges = Array(ranges[first..<(first + count)])
    }

    var count: Int { ranges.count }
    subscript(index: Int) -> ArraySlice<UInt8> { bytes[ranges[index]] }
}

/// One thread, and as many connections as there are clients; each has one request under way.
struct Posting {
    let port: Int
    let path: String
    let bodies: Lines
    let rate: Double
    let clients: Int
    /// A server that is silent for so long is not slow, it is stuck.
    private static let patience: Int32 = 30_000

    func run() throws -> PostingOutcome {
        let connections = try (0..<min(clients, max(1, bodies.count))).map { _ in try LoopbackConnection(port: port) }
        var waiting = connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        var free = Array(connections.indices)
        var due = [ContinuousClock.Instant](repeating: .now, count: connections.count)
        var delays: [Double] = []
        delays.reserveCapacity(bodies.count)
        var outcome = PostingOutcome()
        var next = 0
        let start = ContinuousClock.now
        while delays.count < bodies.count {
            while next < bodies.count, let index = free.last {
                let now = ContinuousClock.now
                let time = rate > 0 ? start + .seconds(Double(next) / rate) : now
                if time > now { break }
                free.removeLast()
                // Counted from when it was due, whatever kept it: a slow server is not spared.
                due[index] = time
                try connections[index].send(request(bodies[next]))
                next += 1
            }
            let ready = poll(&waiting, nfds_t(waiting.count), patience(next, start, free.isEmpty))
            if ready < 0, errno != EINTR { throw CommandFailure("poll: \(String(cString: strerror(errno)))") }
            if ready == 0, free.isEmpty || next == bodies.count {
                throw CommandFailure("no answer within \(Self.patience / 1000) s", .tryLater)
            }
            for index in waiting.indices where waiting[index].revents != 0 {
                guard let answer = try connections[index].receive() else { continue }
                if answer.status != 200 { outcome.refused += 1 }
                delays.append(due[index].duration(to: .now) / .milliseconds(1))
                free.append(index)
            }
        }
        outcome.seconds = start.duration(to: .now) / .seconds(1)
        outcome.sent = delays.count
        outcome.median = Percentile.of(delays, 0.5)
        outcome.p99 = Percentile.of(delays, 0.99)
        return outcome
    }

    /// Milliseconds until the next body is due, or until somebody must have answered.
    private func patience(_ next: Int, _ start: ContinuousClock.Instant, _ isBusy: Bool) -> Int32 {
        guard rate > 0, next < bodies.count, !isBusy else { return Self.patience }
        let left = ContinuousClock.now.duration(to: start + .seconds(Double(next) / rate)) / .milliseconds(1)
        return Int32(max(0, min(left.rounded(.up), Double(Self.patience))))
    }

    private func request(_ body: ArraySlice<UInt8>) -> [UInt8] {
        Array(
            """
            POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\
            Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: \(body.count)\r\n\r\n
            """.utf8) + body
    }
}

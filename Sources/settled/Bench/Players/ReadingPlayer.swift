import ArgumentParser
import Foundation
import Glibc
import Wire

/// `settled bench read`: readers of the feed, in a process of their own.
struct ReadingPlayer: ParsableCommand {
    enum Manner: String, ExpressibleByArgument, CaseIterable { case pages, idle, follow }

    static let configuration = CommandConfiguration(
        commandName: "read", abstract: "Read the feed: all pages, idle long polls, or one item after the other.",
        shouldDisplay: false)

    @Argument(help: "pages, idle or follow.")
    var manner: Manner
    @Option(name: .long, help: "The server's port on 127.0.0.1.")
    var port: Int
    @Option(name: .long, help: "A file that holds the bearer token.")
    var tokenFile: String
    @Option(name: .long, help: "Items up to this number are left out.")
    var after = 0
    @Option(name: .long, help: "The last item to wait for, with follow.")
    var until = 0
    @Option(name: .long, help: "Connections, with idle.")
    var readers = 1

    func run() throws {
        let token = try String(contentsOfFile: tokenFile, encoding: .utf8)
        let reading = FeedReading(port: port, token: token)
        switch manner {
        case .pages:
            let encoder = JSONEncoder()
            StandardOutput.line(String(decoding: try encoder.encode(reading.pages(after: after)), as: UTF8.self))
        case .idle: try reading.idle(after: after, readers: readers)
        case .follow:
            let arrivals = try reading.follow(after: after, until: until)
            StandardOutput.line("{\"arrivals\":[\(arrivals.map { "\($0)" }.joined(separator: ","))]}")
        }
    }
}

/// What one reader took out.
struct ExportOutcome: Codable, Sendable {
    var items = 0
    var seconds = 0.0
}

/// Reads no closer than it needs to in order to ask for the next page: what is measured is the server, and whether the items
/// are right is the feed's own check to say.
struct FeedReading {
    let port: Int
    let token: String
    /// Said when every connection has asked.
    static let ready = "reading"

    /// Every item from `after` to the head, 1,000 a page.
    func pages(after: Int) throws -> ExportOutcome {
        let connection = try LoopbackConnection(port: port)
        var last = after
        let start = ContinuousClock.now
        while true {
            try connection.send(request(after: last, wait: 0))
            let next = try next(in: page(connection.answer()))
            if next == last { break }
            last = next
        }
        return ExportOutcome(items: last - after, seconds: start.duration(to: .now) / .seconds(1))
    }

    /// Long polls that nothing ends but their time; asked again, as readers do, until the process is ended.
    ///
    /// The first ones are of unequal length, so that the readers are as they would be after a long time: some poll ends at
    /// every moment.
    func idle(after: Int, readers: Int) throws {
        let connections = try (0..<readers).map { _ in try LoopbackConnection(port: port) }
        for (number, connection) in connections.enumerated() {
            try connection.send(request(after: after, wait: 1 + number % 30))
        }
        StandardOutput.line(Self.ready)
        var waiting = connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        while true {
            guard poll(&waiting, nfds_t(waiting.count), -1) >= 0 || errno == EINTR else {
                throw CommandFailure("poll: \(String(cString: strerror(errno)))")
            }
            for index in waiting.indices where waiting[index].revents != 0 {
                guard let answer = try connections[index].receive() else { continue }
                _ = try page(answer)
                try connections[index].send(request(after: after, wait: 30))
            }
        }
    }

    /// Microseconds since 1970 at which each item was here, in order.
    ///
    /// - Throws: when an item is missing, comes twice or out of order.
    func follow(after: Int, until: Int) throws -> [Int64] {
        let connection = try LoopbackConnection(port: port)
        var arrivals: [Int64] = []
        var asked = false
        while after + arrivals.count < until {
            let last = after + arrivals.count
            try connection.send(request(after: last, wait: 30))
            if !asked { StandardOutput.line(Self.ready) }
            asked = true
            let body = try page(connection.answer())
            let now = SystemClock.microseconds()
            guard case .array(let items)? = try JSONValue(parsing: Array(body))["items"] else {
                throw CommandFailure("a page of the feed has no items")
            }
            for item in items {
                guard item["seq"]?.text == "\(after + arrivals.count + 1)" else {
                    throw CommandFailure(
                        "item \(after + arrivals.count + 1) of the feed is missing: something was lost, doubled or out of order"
                    )
                }
                arrivals.append(now)
            }
        }
        return arrivals
    }

    private func page(_ answer: LoopbackConnection.Answer) throws -> ArraySlice<UInt8> {
        guard answer.status == 200 else { throw CommandFailure("the feed answered \(answer.status)") }
        return answer.body
    }

    /// The number from which the next page goes on: the last member of that name.
    private func next(in body: ArraySlice<UInt8>) throws -> Int {
        let tail = String(decoding: body.suffix(128), as: UTF8.self)
        guard let name = tail.ranges(of: "\"next\":").last,
            let number = Int(tail[name.upperBound...].prefix { $0.isNumber })
        else { throw CommandFailure("a page of the feed names no next") }
        return number
    }

    private func request(after: Int, wait: Int) -> [UInt8] {
        Array(
            """
            GET /v1/settlements/feed?after=\(after)&limit=1000&wait=\(wait) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\
            Authorization: Bearer \(token)\r\n\r\n
            """.utf8)
    }
}

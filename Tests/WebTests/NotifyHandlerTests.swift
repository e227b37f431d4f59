import Glibc
import Testing

@testable import Web

/// Notifications and other requests on one connection: each is answered, in its order, whatever comes behind it.
@Suite(.timeLimit(.minutes(5))) struct NotifyHandlerTests {
    private static func post(
        _ trade: Int, to path: String = "/notify/plain", headers: String = "", total: String = "20.50"
    ) throws -> [UInt8] {
        let body = try LiveHouse.notification(tradeNo: "20261121000000000000000\(trade)", total: total)
        let head =
            "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\(headers)"
            + "Content-Length: \(body.count)\r\n\r\n"
        return Array(head.utf8) + body
    }

    private static let live = Array("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".utf8)

    private static func statuses(_ answer: Wire.Answer) -> [String] {
        answer.text.ranges(of: "HTTP/1.1 ").map { String(answer.text[$0.upperBound...].prefix(3)) }
    }

    @Test func `what a sender pipelines is answered in order, notifications among other requests`() async throws {
        try await LiveHouse.with { house in
            let genuine = String(decoding: try Self.post(1003), as: UTF8.self)
            let forged = Array(genuine.replacing("total_amount=20.50", with: "total_amount=90.50").utf8)
            let all =
                try Self.post(1001) + Self.live + Self.post(1002) + forged + Self.live + Self.live
                + Self.post(1004, to: "/notify/nobody") + Self.post(1005)
            let answer = try await Wire.exchange([all], port: house.port, answers: 8)
            #expect(Self.statuses(answer) == ["200", "200", "200", "401", "200", "200", "404", "200"])
            #expect(try await house.count("SELECT count(*) FROM settled.deliveries") == 3)
        }
    }

    @Test func `a hundred pipelined notifications are all stored and all acknowledged`() async throws {
        try await LiveHouse.with { house in
            let all = try (1100..<1200).reduce(into: [UInt8]()) { $0 += try Self.post($1) }
            let answer = try await Wire.exchange([all], port: house.port, answers: 100)
            #expect(Self.statuses(answer) == [String](repeating: "200", count: 100))
            #expect(try await house.count("SELECT count(*) FROM settled.jobs") == 100)
        }
    }

    @Test func `a request that comes byte by byte is the same request`() async throws {
        try await LiveHouse.with { house in
            let answer = try await Wire.exchange(try Self.post(1001).map { [$0] }, port: house.port)
            #expect(answer.body == "success")
        }
    }

    @Test func `a sender that closes its side after the request still gets its answer`() async throws {
        try await LiveHouse.with { house in
            let answer = try await Wire.exchange(
                [try Self.post(1001) + Self.post(1002)], port: house.port, answers: 3, closesItsSide: true)
            #expect(Self.statuses(answer) == ["200", "200"])
            #expect(answer.isClosed)
        }
    }

    @Test func `a sender that asks for the end of the connection gets it, after the answer`() async throws {
        try await LiveHouse.with { house in
            let answer = try await Wire.exchange(
                [try Self.post(1001, headers: "Connection: close\r\n")], port: house.port, answers: 2)
            #expect(answer.body == "success")
            #expect(answer.header("connection") == "close")
            #expect(answer.isClosed)
        }
    }

    @Test func `rubbish behind a notification does not cost the notification its answer`() async throws {
        try await LiveHouse.with { house in
            let rubbish = Array("NONSENSE\r\n\r\n".utf8)
            let answer = try await Wire.exchange([try Self.post(1001) + rubbish], port: house.port, answers: 3)
            #expect(Self.statuses(answer) == ["200", "400"])
            #expect(answer.isClosed)
            #expect(try await house.count("SELECT count(*) FROM settled.deliveries") == 1)
        }
    }

    @Test func `a connection on which notifications go on is not idle`() async throws {
        var limits = WebLimits()
        limits.idle = .milliseconds(300)
        try await LiveHouse.with(limits: limits) { house in
            let start = ContinuousClock.now
            let connection = try Connection(port: house.port)
            defer { connection.end() }
            var trade = 1001
            while start.duration(to: .now) < .milliseconds(900) {
                #expect(try await connection.exchange(try Self.post(trade)).contains("success"))
                trade += 1
            }
            #expect(trade > 1003)
        }
    }

    @Test func `a connection is closed when it has been idle for too long, also in the midst of a header`() async throws
    {
        var limits = WebLimits()
        limits.idle = .milliseconds(200)
        try await LiveHouse.with(limits: limits) { house in
            let silent = try await Wire.exchange([Array("POST /notify/plain HTTP/1.1\r\nHo".utf8)], port: house.port)
            #expect(silent.text.isEmpty)
            #expect(silent.isClosed)
            let answered = try await Wire.exchange([try Self.post(1001)], port: house.port, answers: 2)
            #expect(Self.statuses(answered) == ["200"])
            #expect(answered.isClosed)
            let others = try await Wire.exchange([Self.live], port: house.port, answers: 2)
            #expect(Self.statuses(others) == ["200"])
            #expect(others.isClosed)
        }
    }

    @Test func `a field that is sent twice is neither of the two`() async throws {
        try await LiveHouse.with { house in
            let answer = try await Wire.exchange(
                [try Self.post(1001, headers: "Content-Type: application/x-www-form-urlencoded\r\n")], port: house.port)
            #expect(Self.statuses(answer) == ["415"])
        }
    }

    @Test func `the oldest version of HTTP gets its answer and the end of the connection`() async throws {
        try await LiveHouse.with { house in
            let genuine = String(decoding: try Self.post(1001), as: UTF8.self)
            let answer = try await Wire.exchange(
                [Array(genuine.replacing("HTTP/1.1", with: "HTTP/1.0").utf8)], port: house.port, answers: 2)
            #expect(answer.body == "success")
            #expect(answer.isClosed)
        }
    }

    @Test func `a sender that asks before it sends the body is told to go on`() async throws {
        try await LiveHouse.with { house in
            let text = String(decoding: try Self.post(1001, headers: "Expect: 100-Continue\r\n"), as: UTF8.self)
            let body = try #require(text.firstRange(of: "\r\n\r\n")).upperBound
            let connection = try Connection(port: house.port)
            defer { connection.end() }
            #expect(
                try await connection.exchange(Array(text[..<body].utf8)) == "HTTP/1.1 100 Continue\r\n\r\n")
            #expect(try await connection.exchange(Array(text[body...].utf8)).hasSuffix("success"))
        }
    }

    @Test func `who asks before the body, pipelined, is told so in his turn`() async throws {
        try await LiveHouse.with { house in
            let asks = try Self.post(1002, headers: "Expect: 100-continue\r\n")
            let other = Array("POST /v1/expectations HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n".utf8)
            let answer = try await Wire.exchange([try Self.post(1001) + asks + other], port: house.port, answers: 5)
            #expect(Self.statuses(answer) == ["200", "100", "200", "100", "401"])
        }
    }

    @Test(arguments: [
        ("404", "POST /notify/nobody HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"),
        ("413", "POST /notify/plain HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 999999\r\n\r\n"),
        ("417", "POST /notify/plain HTTP/1.1\r\nHost: a\r\nExpect: payment\r\nContent-Length: 9\r\n\r\n"),
        (
            "417",
            "POST /notify/plain HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: payment\r\nContent-Length: 9\r\n\r\n"
        ),
    ])
    func `who asks before the body is refused without it`(status: String, head: String) async throws {
        try await LiveHouse.with { house in
            let answer = try await Wire.exchange([Array(head.utf8)], port: house.port, answers: 2)
            #expect(Self.statuses(answer) == [status])
            #expect(answer.body == "fail")
            #expect(answer.isClosed)
        }
    }

    @Test func `HTTP 1 0 knows of no expectation`() async throws {
        try await LiveHouse.with { house in
            let genuine = String(decoding: try Self.post(1001, headers: "Expect: payment\r\n"), as: UTF8.self)
            let answer = try await Wire.exchange(
                [Array(genuine.replacing("HTTP/1.1", with: "HTTP/1.0").utf8)], port: house.port, answers: 2)
            #expect(Self.statuses(answer) == ["200"])
        }
    }

    @Test func `whoever claims to speak for another is not believed, and a trusted proxy is`() async throws {
        let claim = "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.9\r\n"
        try await LiveHouse.with { house in
            let answer = try await Wire.exchange([try Self.post(1001, headers: claim)], port: house.port)
            #expect(answer.body == "success")
            let own = "SELECT count(*) FROM settled.deliveries WHERE remote_address = '127.0.0.1'"
            #expect(try await house.count(own) == 1)
        }
        try await LiveHouse.with(address: ClientAddress { $0 == "127.0.0.1" }) { house in
            let answer = try await Wire.exchange([try Self.post(1001, headers: claim)], port: house.port)
            #expect(answer.body == "success")
            let claimed = "SELECT count(*) FROM settled.deliveries WHERE remote_address = '203.0.113.9'"
            #expect(try await house.count(claimed) == 1)
        }
    }

    @Test func `who finds all connections taken waits until one of them ends`() async throws {
        var limits = WebLimits()
        limits.connections = 2
        try await LiveHouse.with(limits: limits) { house in
            let first = try Connection(port: house.port)
            let second = try Connection(port: house.port)
            defer { second.end() }
            for connection in [first, second] {
                #expect(try await connection.exchange(Self.live).hasPrefix("HTTP/1.1 200"))
            }
            let third = try Connection(port: house.port)
            defer { third.end() }
            try third.send(Self.live)
            let isServed = try await Wire.blocking { third.hasAnswer(within: 300) }
            #expect(!isServed)
            #expect(
                try await Wire.get("/livez", port: house.adminPort).status == 200, "health has connections of its own")
            first.end()
            let isServedThen = try await Wire.blocking { third.hasAnswer(within: 60_000) }
            #expect(isServedThen)
        }
    }

    @Test func `two hundred senders that never come to the point keep nobody else waiting`() async throws {
        var limits = WebLimits()
        limits.idle = .seconds(4)
        limits.arrival = .seconds(4)
        try await LiveHouse.with(limits: limits) { house in
            let beginnings = [
                "POST /notify/plain HT", "POST /notify/plain HTTP/1.1\r\nHost: a\r\nX-Slow: 1\r\n",
                "POST /notify/plain HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\na=",
                "POST /v1/expectations HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{",
            ]
            var slow: [Connection] = []
            defer { slow.forEach { $0.end() } }
            for number in 0..<200 {
                let connection = try Connection(port: house.port)
                slow.append(connection)
                try connection.send(Array(beginnings[number % beginnings.count].utf8))
            }
            for trade in 1001..<1021 {
                #expect(try await Wire.exchange([try Self.post(trade)], port: house.port).body == "success")
            }
            let all = slow
            // Each is ended by the server; until then reading would wait.
            let ended = try await Wire.blocking { all.count { $0.isEndedByServer() } }
            #expect(ended == 200)
        }
    }

    @Test func `an answer bears its date`() {
        #expect(HTTPDate.text(of: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(of: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
    }

    /// One connection that is kept between requests.
    private final class Connection: Sendable {
        private let socket: Int32

        init(port: Int) throws { socket = try Wire.connect(to: port) }

        /// Sends `bytes` and reads one piece of an answer, on a thread of its own because both block.
        func exchange(_ bytes: [UInt8]) async throws -> String {
            try await Wire.blocking { [self] in
                try send(bytes)
                var chunk = [UInt8](repeating: 0, count: 4096)
                let count = recv(socket, &chunk, chunk.count, 0)
                return String(decoding: chunk[..<max(0, count)], as: UTF8.self)
            }
        }

        func send(_ bytes: [UInt8]) throws {
            guard Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
                throw Wire.Failure(step: "send")
            }
        }

        /// Reads, for a minute at most, until the server has closed its side; what it says before counts for nothing.
        func isEndedByServer() -> Bool {
            var chunk = [UInt8](repeating: 0, count: 4096)
            while true {
                var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
                guard poll(&poller, 1, 60_000) > 0 else { return false }
                if recv(socket, &chunk, chunk.count, 0) <= 0 { return true }
            }
        }

        /// Whether something can be read within so many milliseconds.
        func hasAnswer(within limit: Int32) -> Bool {
            var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            return poll(&poller, 1, limit) > 0
        }

        func end() { close(socket) }
    }
}

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

    @Test func `an answer bears its date`() {
        #expect(HTTPDate.text(of: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(of: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
    }

    /// One connection that is kept between requests.
    private final class Connection: Sendable {
        private let socket: Int32

        init(port: Int) throws {
            socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let connected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
            }
            guard connected == 0 else { throw Wire.Failure(step: "connect") }
        }

        /// Sends `bytes` and reads one piece of an answer, on a thread of its own because both block.
        func exchange(_ bytes: [UInt8]) async throws -> String {
            try await Wire.blocking { [socket] in
                guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
                    throw Wire.Failure(step: "send")
                }
                var chunk = [UInt8](repeating: 0, count: 4096)
                let count = recv(socket, &chunk, chunk.count, 0)
                return String(decoding: chunk[..<max(0, count)], as: UTF8.self)
            }
        }

        func end() { close(socket) }
    }
}

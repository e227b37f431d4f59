import Foundation
import Glibc

/// Bytes in, bytes out: what a hostile peer would send, without a client that corrects it.
struct Wire {
    struct Answer: Sendable {
        let text: String
        /// Whether the server closed the connection.
        let isClosed: Bool

        var status: Int { Int(text.dropFirst(9).prefix(3)) ?? 0 }
        var body: String { text.range(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? "" }

        func header(_ name: String) -> String? {
            let head = text.range(of: "\r\n\r\n").map { text[..<$0.lowerBound] } ?? text[...]
            for line in head.split(separator: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                    return parts[1].trimmingPrefix { $0 == " " }.description
                }
            }
            return nil
        }
    }

    struct Failure: Error {
        let step: String
    }

    /// Sends `parts` one after another and reads until the server closes, `answers` whole answers came, or `limit`
    /// milliseconds passed without a byte.
    ///
    /// It blocks, so it has a thread of its own: on one of the few that all tasks share it would keep the server from
    /// answering it.
    ///
    /// - Parameter closesItsSide: whether the peer says after the last byte that it sends no more.
    static func exchange(
        _ parts: [[UInt8]], port: Int, answers: Int = 1, limit: Int32 = 60_000, closesItsSide: Bool = false
    ) async throws -> Answer {
        try await blocking {
            try blockingExchange(parts, port: port, answers: answers, limit: limit, closesItsSide: closesItsSide)
        }
    }

    /// Runs `body` on a thread of its own.
    static func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }

    /// A connected socket, for the caller to close.
    static func connect(to port: Int) throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw Failure(step: "socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, size) }
        }
        guard connected == 0 else {
            close(socket)
            throw Failure(step: "connect")
        }
        return socket
    }

    private static func blockingExchange(
        _ parts: [[UInt8]], port: Int, answers: Int, limit: Int32, closesItsSide: Bool
    ) throws -> Answer {
        let socket = try connect(to: port)
        defer { close(socket) }
        for part in parts {
            var rest = part[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard sent > 0 else { break }
                rest = rest.dropFirst(sent)
            }
        }
        if closesItsSide { shutdown(socket, Int32(SHUT_WR)) }
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, limit) > 0 else { break }
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else {
                return Answer(text: String(decoding: received, as: UTF8.self), isClosed: true)
            }
            received += chunk[..<count]
            if complete(received) >= answers { break }
        }
        return Answer(text: String(decoding: received, as: UTF8.self), isClosed: false)
    }

    static func exchange(_ text: String, port: Int, answers: Int = 1, limit: Int32 = 60_000) async throws -> Answer {
        try await exchange([Array(text.utf8)], port: port, answers: answers, limit: limit)
    }

    /// How many whole answers with a Content-Length are in `bytes`.
    private static func complete(_ bytes: [UInt8]) -> Int {
        var rest = String(decoding: bytes, as: UTF8.self)
        var count = 0
        while let end = rest.range(of: "\r\n\r\n") {
            let head = rest[..<end.lowerBound].lowercased()
            var length = 0
            if let field = head.range(of: "content-length: ") {
                length = Int(head[field.upperBound...].prefix { $0.isNumber }) ?? 0
            }
            let body = rest[end.upperBound...]
            guard body.utf8.count >= length else { break }
            count += 1
            rest = String(decoding: Array(body.utf8.dropFirst(length)), as: UTF8.self)
        }
        return count
    }

    static func post(
        _ path: String, _ body: [UInt8], type: String? = "application/x-www-form-urlencoded", headers: [String] = [],
        port: Int
    ) async throws -> Answer {
        var head = "POST \(path) HTTP/1.1\r\nHost: pay.example.com\r\nContent-Length: \(body.count)\r\n"
        if let type { head += "Content-Type: \(type)\r\n" }
        for header in headers { head += header + "\r\n" }
        return try await exchange([Array((head + "\r\n").utf8) + body], port: port)
    }

    static func get(_ path: String, token: String? = nil, port: Int, limit: Int32 = 60_000) async throws -> Answer {
        let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        return try await exchange(
            "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(authorization)\r\n", port: port, limit: limit)
    }
}

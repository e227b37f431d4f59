import Glibc

/// One HTTP/1.1 connection to this machine that is kept open. It knows as little of HTTP as a player needs, so that the player
/// takes little of the processor from what is measured.
final class LoopbackConnection {
    struct Answer {
        let status: Int
        let body: ArraySlice<UInt8>
    }

    let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    private var filled = 0
    /// Where the body begins, and where the answer ends; nil until the head is there.
    private var head: (status: Int, start: Int, end: Int)?

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0, let number = UInt16(exactly: port) else { throw Self.failure("no socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = number.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = withUnsafePointer(to: &address) {
            // connect(2) takes every family's address by the type of their common beginning.
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        guard connected == 0 else {
            close(descriptor)
            throw Self.failure("127.0.0.1:\(port) cannot be reached")
        }
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(descriptor) }

    /// Sends a whole request; it is small, so it fits into the socket's buffer.
    func send(_ parts: [UInt8]...) throws {
        let bytes = parts.count == 1 ? parts[0] : parts.flatMap { $0 }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 { sent += count } else if errno != EINTR { throw Self.failure("a request could not be sent") }
        }
    }

    /// Reads what has come, or waits for something; nil while the answer is not complete.
    func receive() throws -> Answer? {
        if filled == buffer.count { buffer.append(contentsOf: [UInt8](repeating: 0, count: buffer.count)) }
        let count = buffer.withUnsafeMutableBytes {
            recv(descriptor, $0.baseAddress.map { $0 + filled }, $0.count - filled, 0)
        }
        if count < 0, errno == EINTR { return nil }
        guard count > 0 else { throw Self.failure("the server closed a connection before its answer was complete") }
        filled += count
        if head == nil { head = try readHead() }
        guard let head, filled >= head.end else { return nil }
        let answer = Answer(status: head.status, body: buffer[head.start..<head.end])
        // Nothing was asked for in advance, so nothing follows.
        filled = 0
        self.head = nil
        return answer
    }

    /// Waits for the whole answer.
    func answer() throws -> Answer {
        while true { if let answer = try receive() { return answer } }
    }

    private func readHead() throws -> (Int, Int, Int)? {
        let bytes = buffer[..<filled]
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }?
            .split(separator: ":").last.flatMap { Int($0.filter { $0 != " " }) }
        guard let status, let length else { throw Self.failure("an answer has no status or no length") }
        return (status, end.upperBound, end.upperBound + length)
    }

    private static func failure(_ what: String) -> CommandFailure {
        CommandFailure("\(what): \(String(cString: strerror(errno)))", .dependencyDown)
    }
}

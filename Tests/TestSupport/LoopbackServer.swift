import Foundation
import Glibc
import Synchronization

/// A TCP server on loopback that says exactly what a test wants: half an answer, nothing, a byte at a time.
///
/// One thread, one connection after the other, plain POSIX sockets, so that no HTTP library mends what is to be broken.
public final class LoopbackServer: Sendable {
    /// What to do with a connection once its request has been read.
    public enum Script: Sendable {
        /// Send and close in order.
        case answer(String)
        case bytes([UInt8])
        /// Send before anything was asked, and close.
        case greeting(String)
        /// Send one of these for each request, and then wait until the other side closes.
        case conversation([String])
        /// Close at once with RST.
        case reset
        /// Send, then RST.
        case resetAfter(String)
        /// Send, then one byte every few milliseconds until the other side has had enough.
        case drip(String)
        /// Say nothing until the other side has had enough.
        case silence
        /// Send, then blanks without end, until the other side has had enough.
        case flood(String)
    }

    public let port: UInt16
    private let listener: Int32
    private let log = Log()

    private final class Log: Sendable {
        let requests = Mutex<[String]>([])
        let ended = Mutex(0)
    }

    public convenience init(_ script: Script) throws {
        try self.init([script])
    }

    /// - Parameter scripts: one for each connection; the last one for all after it.
    public init(_ scripts: [Script]) throws {
        (listener, port) = try Self.bound()
        guard listen(listener, 16) == 0 else { throw SocketError(errno: errno) }
        let started = Thread.start { [listener, log] in
            // Not before this thread is done with it: the next server could be given the same number, and this one take its
            // connections.
            defer { close(listener) }
            var rest = scripts[...]
            while true {
                guard let script = rest.first else { return }
                let client = accept(listener, nil, nil)
                if client < 0, errno == EINTR || errno == ECONNABORTED { continue }
                guard client >= 0 else { return }
                if rest.count > 1 { rest.removeFirst() }
                if case .greeting = script {
                } else {
                    let request = Self.request(on: client)
                    log.requests.withLock { $0.append(request) }
                }
                if case .conversation(let answers) = script {
                    for (number, answer) in answers.enumerated() {
                        if number > 0 {
                            let request = Self.request(on: client)
                            log.requests.withLock { $0.append(request) }
                        }
                        _ = Self.send(Array(answer.utf8), on: client)
                    }
                    while !Self.hasGone(client, milliseconds: 1000) {}
                }
                Self.play(script, on: client)
                log.ended.withLock { $0 += 1 }
            }
        }
        guard started else {
            close(listener)
            throw SocketError(errno: EAGAIN)
        }
    }

    deinit {
        // Wakes `accept`, which then fails and ends the thread.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    public var url: String { "http://127.0.0.1:\(port)/gateway.do" }
    public var seen: [String] { log.requests.withLock { $0 } }
    /// How many connections are over.
    public var ended: Int { log.ended.withLock { $0 } }

    /// The URL of a port that is taken and on which nobody listens.
    public static func withRefusingURL<T>(_ body: (String) async throws -> T) async throws -> T {
        let (socket, port) = try bound()
        defer { close(socket) }
        return try await body("http://127.0.0.1:\(port)/gateway.do")
    }

    /// The URL of a port at which every packet of a new connection is dropped: its queue is full, and nobody takes from it.
    public static func withBlackHole<T>(_ body: (String) async throws -> T) async throws -> T {
        let (socket, port) = try bound()
        defer { close(socket) }
        guard listen(socket, 0) == 0 else { throw SocketError(errno: errno) }
        var fillers: [Int32] = []
        defer { for filler in fillers { close(filler) } }
        // One or two connections fill a queue of length zero; the next ones are not even refused.
        for _ in 0..<4 { fillers.append(try connecting(to: port)) }
        return try await body("http://127.0.0.1:\(port)/gateway.do")
    }

    /// A connection that is on its way, whether it arrives or not.
    private static func connecting(to port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) } != 0
        }
        guard descriptor >= 0, !failed || errno == EINPROGRESS else { throw SocketError(errno: errno) }
        return descriptor
    }

    public struct SocketError: Error { let errno: Int32 }

    private static func bound() throws -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let done = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard descriptor >= 0, done else { throw SocketError(errno: errno) }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// Reads a head and the body that its Content-Length announces.
    private static func request(on client: Int32) -> String {
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(client, &chunk, chunk.count)
            guard count > 0 else { break }
            text += chunk[..<count]
            let words = String(decoding: text, as: UTF8.self)
            guard let end = words.range(of: "\r\n\r\n") else { continue }
            let length =
                words[..<end.lowerBound].lowercased().split(separator: "\r\n")
                .first { $0.hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst("content-length:".count).drop { $0 == " " }) } ?? 0
            if words[end.upperBound...].utf8.count >= length { break }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func play(_ script: Script, on client: Int32) {
        defer { close(client) }
        switch script {
        case .answer(let text), .greeting(let text): _ = send(Array(text.utf8), on: client)
        case .bytes(let bytes): _ = send(bytes, on: client)
        case .reset: resetOnClose(client)
        case .resetAfter(let text):
            _ = send(Array(text.utf8), on: client)
            waitUntilRead(client)
            resetOnClose(client)
        case .drip(let text):
            guard send(Array(text.utf8), on: client) else { return }
            while !hasGone(client, milliseconds: 5), send([UInt8(ascii: " ")], on: client) {}
        case .flood(let text):
            guard send(Array(text.utf8), on: client) else { return }
            let blanks = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 16)
            while send(blanks, on: client) {}
        case .conversation: break
        case .silence: while !hasGone(client, milliseconds: 1000) {}
        }
    }

    private static func send(_ bytes: [UInt8], on client: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private static func hasGone(_ client: Int32, milliseconds: Int32) -> Bool {
        var ready = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, milliseconds) > 0 else { return false }
        var byte: UInt8 = 0
        return read(client, &byte, 1) <= 0
    }

    /// An RST discards what the other side has not read yet; this waits until the system says that it was taken.
    private static func waitUntilRead(_ client: Int32) {
        var left: Int32 = 1
        while ioctl(client, UInt(TIOCOUTQ), &left) == 0, left > 0 { sched_yield() }
    }

    private static func resetOnClose(_ client: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(client, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
}

/// A detached POSIX thread.
private enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let failed = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        guard failed == 0 else {
            body.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}

import TestSupport
import Testing

@testable import Wire

/// What calls of one transport have to do with each other: the connections that they share.
@Suite(.timeLimit(.minutes(5))) struct HTTPConnectionsTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    /// The body of the answer, or the word for why there is none.
    private func post(
        _ server: LoopbackServer, _ transport: HTTPTransport, deadline: Duration = .seconds(120)
    ) async -> String {
        do throws(TransportError) {
            let answer = try await transport.post(
                url: server.url, contentType: "application/x-www-form-urlencoded", body: Array("a=1".utf8),
                deadline: deadline)
            return String(decoding: answer.body, as: UTF8.self)
        } catch {
            return error.cause.name
        }
    }

    @Test func `calls one after another share a connection`() async throws {
        // Nobody takes a second one while the first is open.
        let server = try LoopbackServer(.conversation([Self.ok, Self.ok, Self.ok]))
        let transport = HTTPTransport()
        for _ in 0..<3 { #expect(await post(server, transport) == "{}") }
        #expect(server.seen.count == 3)
        await transport.shutdown()
    }

    @Test func `more calls than connections wait for one to be free`() async throws {
        let server = try LoopbackServer(.conversation([Self.ok, Self.ok, Self.ok]))
        let transport = HTTPTransport(connections: 1)
        let answers = await withTaskGroup(of: String.self) { group in
            for _ in 0..<3 { group.addTask { await self.post(server, transport) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == ["{}", "{}", "{}"] && server.seen.count == 3)
        await transport.shutdown()
    }

    @Test func `who waits for a connection waits no longer than its deadline, and the next gets the one given up`()
        async throws
    {
        let server = try LoopbackServer([.silence, .answer(Self.ok)])
        let transport = HTTPTransport(connections: 1)
        let first = Task { await post(server, transport) }
        while server.seen.isEmpty, !Task.isCancelled { await Task.yield() }
        #expect(await post(server, transport, deadline: .milliseconds(50)) == "timeout")
        #expect(server.seen.count == 1)
        let third = Task { await post(server, transport) }
        first.cancel()
        #expect(await first.value == "cancelled")
        #expect(await third.value == "{}")
        await transport.shutdown()
    }

    @Test func `what follows an answer unasked is not the answer to the next call`() async throws {
        let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
        let server = try LoopbackServer([.conversation([Self.ok + forged]), .answer(Self.ok)])
        let transport = HTTPTransport(connections: 1)
        let answers = await withTaskGroup(of: String.self) { group in
            for _ in 0..<2 { group.addTask { await self.post(server, transport) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == ["{}", "{}"] && server.seen.count == 2)
        await transport.shutdown()
    }

    @Test func `a connection that changes its protocol is not used again`() async throws {
        let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
        let server = try LoopbackServer([.conversation([switching]), .answer(Self.ok)])
        let transport = HTTPTransport()
        #expect(await post(server, transport) == "")
        #expect(await post(server, transport) == "{}")
        await transport.shutdown()
    }

    @Test func `a connection that nobody needs is closed after a while`() async throws {
        let server = try LoopbackServer([.conversation([Self.ok]), .answer(Self.ok)])
        let transport = HTTPTransport(connections: 1, roots: nil, longestIdle: .milliseconds(5))
        #expect(await post(server, transport) == "{}")
        while server.ended == 0, !Task.isCancelled { await Task.yield() }
        #expect(await post(server, transport) == "{}")
        await transport.shutdown()
    }

    @Test func `shutting down ends calls in flight, and later ones`() async throws {
        let server = try LoopbackServer(.silence)
        let transport = HTTPTransport()
        let call = Task { await post(server, transport) }
        while server.seen.isEmpty, !Task.isCancelled { await Task.yield() }
        await transport.shutdown()
        #expect(await call.value == "cancelled")
        #expect(await post(server, transport) == "cancelled")
    }

    @Test func `a transport that is let go closes its connections`() async throws {
        let server = try LoopbackServer(.conversation([Self.ok]))
        #expect(await post(server, HTTPTransport()) == "{}")
        while server.ended == 0, !Task.isCancelled { await Task.yield() }
    }
}

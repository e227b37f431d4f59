import Alipay
import Testing
import Web

/// The notification endpoint as Alipay's notifier and as a hostile peer see it, over real sockets.
@Suite struct NotifyRouteTests {
    private static let ok = "HTTP/1.1 200 OK"

    @Test func `a verified notification is answered with the signed acknowledgement, byte for byte, and is stored`()
        async throws
    {
        try await LiveHouse.with { house in
            let body = try LiveHouse.notification(tradeNo: "2026112000000000000000000001")
            let answer = try await Wire.post("/notify/cplife", body, port: house.port)
            #expect(answer.text.hasPrefix(Self.ok))
            #expect(answer.header("content-type") == "text/xml;charset=UTF-8")
            let expected = try Acknowledgement(style: .signedXML, key: LiveHouse.keys?.app, algorithm: .rsa2)
            #expect(Array(answer.body.utf8) == expected.body)
            #expect(try await house.count("SELECT count(*) FROM settled.deliveries") == 1)
            #expect(try await house.count("SELECT count(*) FROM settled.jobs WHERE state = 'ready'") == 1)
        }
    }

    @Test func `a repeated notification is acknowledged again and makes no second job`() async throws {
        try await LiveHouse.with { house in
            let body = try LiveHouse.notification(tradeNo: "2026112000000000000000000002")
            for _ in 0..<3 {
                let answer = try await Wire.post("/notify/plain", body, port: house.port)
                #expect(answer.body == "success")
                #expect(answer.header("content-length") == "7")
            }
            #expect(try await house.count("SELECT count(*) FROM settled.deliveries") == 3)
            #expect(try await house.count("SELECT count(*) FROM settled.jobs") == 1)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        let request: String
        let status: Int
        var header: (String, String)?
        var testDescription: String { name }
    }

    private static let form = "Content-Type: application/x-www-form-urlencoded\r\n"
    static let refusals: [Refusal] =
        ["GET", "PUT", "DELETE", "TRACE"].map { method in
            Refusal(
                name: "B01 \(method)", request: "\(method) /notify/cplife HTTP/1.1\r\nHost: a\r\n\r\n", status: 405,
                header: ("allow", "POST"))
        } + [
            Refusal(
                name: "B02 unknown source",
                request: "POST /notify/nobody HTTP/1.1\r\nHost: a\r\n\(form)Content-Length: 3\r\n\r\na=b", status: 404),
            Refusal(
                name: "B02 a source with a further segment",
                request: "POST /notify/cplife/x HTTP/1.1\r\nHost: a\r\n\(form)Content-Length: 3\r\n\r\na=b", status: 404
            ),
            Refusal(
                name: "B11 an escaped source is not the source",
                request: "POST /notify/cpl%69fe HTTP/1.1\r\nHost: a\r\n\(form)Content-Length: 3\r\n\r\na=b", status: 404
            ),
            Refusal(
                name: "B09 a declared length over the limit is refused before the body comes",
                request: "POST /notify/cplife HTTP/1.1\r\nHost: a\r\n\(form)Content-Length: 10737418240\r\n\r\n",
                status: 413),
            Refusal(
                name: "B16 a compressed body",
                request:
                    "POST /notify/cplife HTTP/1.1\r\nHost: a\r\n\(form)Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\na=b",
                status: 415),
            Refusal(
                name: "B17 JSON",
                request:
                    "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                status: 415),
            Refusal(
                name: "B17 XML",
                request:
                    "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n<a/>",
                status: 415),
            Refusal(
                name: "B18 no Content-Type",
                request: "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b", status: 415),
            Refusal(
                name: "B22 a broken escape",
                request: "POST /notify/cplife HTTP/1.1\r\nHost: a\r\n\(form)Content-Length: 4\r\n\r\na=%G", status: 400),
            Refusal(
                name: "B31 no signature",
                request: "POST /notify/cplife HTTP/1.1\r\nHost: a\r\n\(form)Content-Length: 3\r\n\r\na=b", status: 401),
            Refusal(
                name: "B08 more header fields than allowed",
                request: "POST /notify/cplife HTTP/1.1\r\nHost: a\r\n\(form)"
                    + (0..<70).map { "X-\($0): 1\r\n" }.joined() + "Content-Length: 3\r\n\r\na=b",
                status: 431),
        ]

    @Test func `what is not a form with a signature is refused with its status and the static body`() async throws {
        try await LiveHouse.with { house in
            for refusal in Self.refusals {
                let answer = try await Wire.exchange(refusal.request, port: house.port)
                #expect(answer.status == refusal.status, "\(refusal.name)")
                if !refusal.name.hasPrefix("B01") { #expect(answer.body == "fail", "\(refusal.name)") }
                if let (name, value) = refusal.header { #expect(answer.header(name) == value, "\(refusal.name)") }
            }
            #expect(try await house.count("SELECT count(*) FROM settled.deliveries") == 0)
        }
    }

    @Test
    func
        `bytes that are not HTTP are answered with 400 or nothing, the connection is closed, and the next request is served`()
        async throws
    {
        let hostile: [(String, String)] = [
            ("B04 negative length", "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
            ("B04 plus", "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n"),
            ("B04 hex", "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nContent-Length: 0x10\r\n\r\n"),
            ("B04 overflow", "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n"),
            (
                "B04 two lengths",
                "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"
            ),
            (
                "B05 length and chunked",
                "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            (
                "B06 chunk size overflow",
                "POST /notify/cplife HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"
            ),
            ("B07 space before the colon", "POST /notify/cplife HTTP/1.1\r\nHost : a\r\n\r\n"),
            ("B07 NUL in a value", "GET /livez HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"),
            (
                "B08 a field of 100 kB",
                "GET /livez HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 100_000))\r\n\r\n"
            ),
            ("B14 HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ("B14 a TLS hello", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}\u{01}\u{FC}\u{03}\u{03}\r\n\r\n"),
        ]
        try await LiveHouse.with { house in
            for (name, request) in hostile {
                let answer = try await Wire.exchange(request, port: house.port, answers: 2, limit: 60_000)
                #expect(answer.text.isEmpty || answer.status == 400 || answer.status == 431, "\(name): \(answer.text)")
                #expect(answer.isClosed, "\(name)")
            }
            let body = try LiveHouse.notification(tradeNo: "2026112000000000000000000003")
            #expect(try await Wire.post("/notify/plain", body, port: house.port).body == "success")
        }
    }

    @Test func `a body over the limit is cut off also when its length is not declared`() async throws {
        try await LiveHouse.with { house in
            let head =
                "POST /notify/cplife HTTP/1.1\r\nHost: a\r\n\(Self.form)Transfer-Encoding: chunked\r\n\r\n"
            let chunk = "10000\r\n" + String(repeating: "a", count: 65_536) + "\r\n"
            let parts = [Array(head.utf8)] + (0..<8).map { _ in Array(chunk.utf8) } + [Array("0\r\n\r\n".utf8)]
            let answer = try await Wire.exchange(parts, port: house.port)
            #expect(answer.status == 413)
        }
    }

    @Test func `a body that drips in is given up at the deadline`() async throws {
        var limits = WebLimits()
        limits.arrival = .milliseconds(200)
        limits.idle = .milliseconds(400)
        try await LiveHouse.with(limits: limits) { house in
            let head =
                "POST /notify/cplife HTTP/1.1\r\nHost: a\r\n\(Self.form)Content-Length: 1000\r\n\r\na=b"
            let answer = try await Wire.exchange(head, port: house.port, limit: 60_000)
            #expect(answer.isClosed || answer.status == 408)
        }
    }

    @Test func `a name that stands in the query string and in the body is refused, and the query alone is ignored`()
        async throws
    {
        try await LiveHouse.with { house in
            let body = try LiveHouse.notification(tradeNo: "2026112000000000000000000004")
            let twice = try await Wire.post("/notify/plain?trade_no=1", body, port: house.port)
            #expect(twice.status == 400)
            #expect(twice.body == "fail")
            let ignored = try await Wire.post("/notify/plain?utm=1", body, port: house.port)
            #expect(ignored.body == "success")
        }
    }

    @Test func `a tampered notification is refused, kept with its cause, and never stored as a delivery`() async throws
    {
        try await LiveHouse.with { house in
            var body = try LiveHouse.notification(tradeNo: "2026112000000000000000000005", total: "20.50")
            let at = try #require(String(decoding: body, as: UTF8.self).firstRange(of: "20.50"))
            let offset = String(decoding: body, as: UTF8.self).utf8.distance(
                from: String(decoding: body, as: UTF8.self).startIndex, to: at.lowerBound)
            body[offset] = UInt8(ascii: "9")
            let answer = try await Wire.post("/notify/plain", body, port: house.port)
            #expect(answer.status == 401)
            #expect(answer.body == "fail")
            #expect(try await house.count("SELECT count(*) FROM settled.deliveries") == 0)
            #expect(
                try await house.count("SELECT count(*) FROM settled.rejected WHERE cause = 'bad_signature'") == 1)
        }
    }

    @Test func `requests on one connection are answered in their order`() async throws {
        try await LiveHouse.with { house in
            let one = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
            let other = "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
            let answer = try await Wire.exchange(one + other + one, port: house.port, answers: 3)
            let statuses = answer.text.ranges(of: "HTTP/1.1 ").map { answer.text[$0.upperBound...].prefix(3) }
            #expect(statuses == ["200", "404", "200"])
        }
    }
}

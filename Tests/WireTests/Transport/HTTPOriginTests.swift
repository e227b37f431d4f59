import Testing

@testable import Wire

@Suite struct HTTPOriginTests {
    @Test(
        arguments: [
            ("https://a.example/gateway.do?x=1", "a.example", 443, "a.example", "/gateway.do?x=1"),
            ("http://127.0.0.1:8080/gateway.do", "127.0.0.1", 8080, "127.0.0.1:8080", "/gateway.do"),
            ("https://[::1]:444/", "::1", 444, "[::1]:444", "/"), ("http://[::1]", "::1", 80, "[::1]", "/"),
            ("https://a.example?x=/", "a.example", 443, "a.example", "/?x=/"),
        ] as [(String, String, Int, String, String)])
    func `a URL leads to a host and a port, and says what is asked there`(
        url: String, host: String, port: Int, authority: String, target: String
    ) throws {
        let (origin, found) = try HTTPOrigin.split(url)
        let parsed = try HTTPOrigin(origin)
        #expect(parsed.host == host && parsed.port == port && parsed.authority == authority && found == target)
        #expect(parsed.isSecure == url.hasPrefix("https"))
    }

    @Test(arguments: [
        "ftp://a.example/", "a.example/", "https:///x", "https://u:p@a.example/", "https://a.example:0/",
        "https://a.example:65536/", "https://a.example:/", "https://a.example:8x/", "https://[::1]x/",
        "https://a.example/\r\nX: y", "https://a.example/ HTTP/1.1", "https://a.example/\u{e9}", "https://[::1",
    ])
    func `what is no such URL is refused`(url: String) {
        #expect(throws: TransportError.self) { try HTTPOrigin(HTTPOrigin.split(url).origin) }
    }

    @Test func `names are sent before the certificate, addresses are not`() throws {
        #expect(try HTTPOrigin("https://a.example:8443").serverName == "a.example")
        #expect(try HTTPOrigin("https://127.0.0.1").serverName == nil)
        #expect(try HTTPOrigin("https://[::1]").serverName == nil)
    }
}

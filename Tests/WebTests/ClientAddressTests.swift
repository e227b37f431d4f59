import Testing

@testable import Web

/// Who sent a request, as logs and limits know it.
@Suite struct ClientAddressTests {
    private static let proxied = ClientAddress { $0 == "10.0.0.1" }

    @Test(
        arguments: [
            // The last entry is what our own proxy wrote; those before it are hearsay.
            ("203.0.113.9", "203.0.113.9"), ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
            ("198.51.100.1,203.0.113.9 ", "203.0.113.9"), ("2001:db8::1", "2001:db8::1"),
            // What says nothing leaves the peer.
            ("", "10.0.0.1"), (",", "10.0.0.1"), ("  ", "10.0.0.1"), (String(repeating: "1", count: 65), "10.0.0.1"),
            (nil, "10.0.0.1"),
        ] as [(String?, String)])
    func `a trusted proxy says who sent the request`(forwarded: String?, address: String) {
        #expect(Self.proxied.of(forwarded, peer: "10.0.0.1") == address)
    }

    @Test func `from anybody else the header says nothing`() {
        #expect(Self.proxied.of("203.0.113.9", peer: "10.0.0.2") == "10.0.0.2")
        #expect(ClientAddress().of("203.0.113.9", peer: "127.0.0.1") == "127.0.0.1")
    }
}

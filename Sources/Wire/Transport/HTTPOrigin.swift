import NIOCore

/// The part of a URL that connections are shared by: scheme, host and port.
struct HTTPOrigin: Sendable {
    let isSecure: Bool
    /// A name or an address, IPv6 without its brackets.
    let host: String
    let port: Int
    /// What the `Host` field says: host and port as the URL has them.
    let authority: String

    /// The name that the certificate must be for and that is sent before it (SNI); nil for an address, which NIOSSL compares
    /// with the certificate by itself.
    var serverName: String? { (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil }

    /// Takes a URL apart at the end of its authority. The origin is spelled as in the URL; the target begins with `/`.
    ///
    /// Characters that would end a request line, and a user's name, are refused.
    static func split(_ url: String) throws(TransportError) -> (origin: String, target: String) {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw TransportError(.other, "the URL has characters that a URL cannot have")
        }
        guard let scheme = ["https://", "http://"].first(where: { url.hasPrefix($0) }) else {
            throw TransportError(.other, "the URL is neither https nor http")
        }
        let rest = url.utf8.dropFirst(scheme.utf8.count)
        let end = rest.firstIndex { [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")].contains($0) }
        let origin = String(url[..<(end ?? url.endIndex)])
        let target = String(url[(end ?? url.endIndex)...])
        return (origin, target.hasPrefix("/") ? target : "/" + target)
    }

    /// Reads an origin as ``split(_:)`` returns it.
    init(_ origin: String) throws(TransportError) {
        isSecure = origin.hasPrefix("https://")
        authority = String(origin.dropFirst(isSecure ? "https://".count : "http://".count))
        var rest = Substring(authority)
        if rest.hasPrefix("["), let close = rest.firstIndex(of: "]") {
            host = String(rest[rest.index(after: rest.startIndex)..<close])
            rest = rest[rest.index(after: close)...]
        } else {
            host = String(rest.prefix { $0 != ":" })
            rest = rest.dropFirst(host.count)
        }
        guard !host.isEmpty, !authority.contains("@") else {
            throw TransportError(.other, "the URL has no host, or a user")
        }
        if rest.isEmpty {
            port = isSecure ? 443 : 80
        } else {
            guard rest.hasPrefix(":"), let number = UInt16(rest.dropFirst()), number > 0 else {
                throw TransportError(.other, "the URL's port is not a number from 1 to 65535")
            }
            port = Int(number)
        }
    }
}

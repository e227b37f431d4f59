/// The URL of a gateway that we are willing to talk to: https, or plain http to this very machine.
///
/// An answer is proven by its signature, but what we send (tokens, trade numbers) is protected by nothing except TLS.
public struct GatewayAddress: Sendable, Hashable, CustomStringConvertible {
    /// The URL, without query and fragment.
    public let url: String

    public init(_ text: String) throws(GatewayAddressError) {
        let secure: Bool
        let rest: Substring
        if text.hasPrefix("https://") {
            (secure, rest) = (true, text.dropFirst("https://".count))
        } else if text.hasPrefix("http://") {
            (secure, rest) = (false, text.dropFirst("http://".count))
        } else {
            throw GatewayAddressError(reason: "must begin with https://")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw GatewayAddressError(reason: "has characters that a URL cannot have")
        }
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else {
            throw GatewayAddressError(reason: "must have no query and no fragment; the parameters are ours")
        }
        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@") else { throw GatewayAddressError(reason: "must not name a user") }
        let host = try Self.host(of: authority)
        guard secure || Self.isLoopback(host) else {
            throw GatewayAddressError(
                reason: "plain http is for this machine alone (127.0.0.0/8, [::1], localhost); use https://")
        }
        url = text
    }

    public var description: String { url }

    /// Checks the optional port and returns the host, an IPv6 address without its brackets.
    private static func host(of authority: Substring) throws(GatewayAddressError) -> Substring {
        var host = authority
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else {
                throw GatewayAddressError(reason: "an IPv6 address ends with ]")
            }
            host = authority[authority.index(after: authority.startIndex)..<close]
            let rest = authority[authority.index(after: close)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw GatewayAddressError(reason: "something other than a port follows the host")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                throw GatewayAddressError(reason: "the host in brackets is no IPv6 address")
            }
        } else {
            if let colon = authority.firstIndex(of: ":") {
                host = authority[..<colon]
                port = authority[authority.index(after: colon)...]
            }
            guard !host.isEmpty, host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" || $0 == "_" })
            else { throw GatewayAddressError(reason: "the host is missing or has characters that a name cannot have") }
        }
        if let port {
            guard port.allSatisfy(\.isNumber), let number = Int(port), (1...65535).contains(number) else {
                throw GatewayAddressError(reason: "the port is not a number from 1 to 65535")
            }
        }
        return host
    }

    /// Only the spellings that cannot mean another machine: `127.1` and `0177.0.0.1` are read differently by different
    /// resolvers and are refused.
    static func isLoopback(_ host: Substring) -> Bool {
        if host.lowercased() == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in
                guard let number = UInt8(part) else { return false }
                return String(number) == part
            }
    }
}

/// Why a URL cannot be a gateway's. A sentence that continues "the gateway URL …".
public struct GatewayAddressError: Error, Sendable, Hashable, CustomStringConvertible {
    public let reason: String

    public var description: String { "the gateway URL \(reason)" }
}

import Glibc

/// An address and a port to listen on: `0.0.0.0:8080`, `[::1]:9090`, `localhost:0`.
struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    let host: String
    /// Zero lets the system choose.
    let port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(_ text: String) {
        // UInt16 alone would read "+1" as well.
        guard let colon = text.lastIndex(of: ":"), text[colon...].dropFirst().allSatisfy(\.isNumber),
            let port = UInt16(text[colon...].dropFirst())
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":"), IPAddress(host) != nil else { return nil }
        } else {
            let isName = host.utf8.allSatisfy { byte in
                (97...122).contains(byte | 0x20) || (48...57).contains(byte) || byte == 45 || byte == 46
            }
            guard isName, !host.isEmpty, host.utf8.count <= 253 else { return nil }
        }
        self.init(host: host, port: Int(port))
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    var isLoopback: Bool { host == "localhost" || IPAddress(host)?.isLoopback == true }
}

/// An IPv4 or IPv6 address as its bytes.
///
/// An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address: so a listener on `[::]` names who comes over IPv4.
struct IPAddress: Sendable, Hashable {
    let bytes: [UInt8]

    private static let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: &four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            let all = withUnsafeBytes(of: &six) { Array($0) }
            bytes = all.starts(with: Self.mapped) ? Array(all.dropFirst(Self.mapped.count)) : all
        } else {
            return nil
        }
    }

    /// 127.0.0.0/8 and ::1.
    var isLoopback: Bool {
        if bytes.count == 4 { return bytes[0] == 127 }
        return bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }
}

/// Addresses that share their first bits: `10.0.0.0/8`, or a single address.
struct NetworkRange: Sendable, Hashable, CustomStringConvertible {
    let description: String
    let address: IPAddress
    let prefixBits: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])) else { return nil }
        // Of an IPv4 network that is written as IPv6 the first 96 bits only say so.
        let written = parts[0].contains(":") ? 128 : 32
        let kept = address.bytes.count * 8
        guard let bits = parts.count == 2 ? Int(parts[1]) : written, (written - kept...written).contains(bits) else {
            return nil
        }
        self.description = text
        self.address = address
        self.prefixBits = bits - (written - kept)
    }

    func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        return zip(address.bytes, other.bytes).enumerated().allSatisfy { index, pair in
            let kept = min(8, max(0, prefixBits - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> kept)
            return pair.0 & mask == pair.1 & mask
        }
    }
}

/// A time of day in China, where Alipay and the billing offices keep theirs: `03:30`.
struct ClockTime: Sendable, Hashable, CustomStringConvertible {
    let hour: Int
    let minute: Int

    init(hour: Int, minute: Int) {
        self.hour = hour
        self.minute = minute
    }

    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), hour < 24, minute < 60
        else { return nil }
        self.init(hour: hour, minute: minute)
    }

    var description: String {
        (hour < 10 ? "0" : "") + "\(hour):" + (minute < 10 ? "0" : "") + "\(minute)"
    }
}

import Glibc

/// This process, as people find it: `host:pid`.
public enum ProcessName {
    public static let current: String = {
        var bytes = [CChar](repeating: 0, count: 256)
        // The last byte stays 0: a name that is too long is cut without its terminator.
        let host =
            gethostname(&bytes, bytes.count - 1) == 0 ? bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) } : []
        return "\(String(decoding: host, as: UTF8.self)):\(getpid())"
    }()
}

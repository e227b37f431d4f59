import FoundationEssentials

/// Unix time of this machine, for journals and signed timestamps; what waits takes a `Clock` instead.
enum WallClock {
    static func microseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }
    static func seconds() -> Int64 { microseconds() / 1_000_000 }
}

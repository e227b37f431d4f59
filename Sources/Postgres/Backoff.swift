/// How long to wait before the next attempt to connect: 50 ms × 2ⁿ up to 5 s, of which a random part (full jitter), so
/// that many processes do not knock at a restarted server together.
struct Backoff {
    private var failures = 0

    mutating func next() -> Duration {
        let ceiling = min(5_000, 50 << min(failures, 7))
        failures += 1
        return .milliseconds(Int.random(in: 10...ceiling))
    }

    mutating func reset() { failures = 0 }
}

import Synchronization

/// A token bucket per key: how much of the unverifiable is looked at and kept before the sender is told to slow down.
///
/// Time is handed in, so that the same calls always give the same answers.
final class Limiter: Sendable {
    private struct Bucket {
        var tokens: Double
        var at: ContinuousClock.Instant
    }

    private let rate: Double
    private let burst: Double
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameters:
    ///   - rate: tokens a second for each key.
    ///   - burst: the most that a key can save up.
    init(rate: Double, burst: Double) {
        self.rate = rate
        self.burst = burst
    }

    /// Takes one token of `key`; false when there is none.
    func admit(_ key: String, at now: ContinuousClock.Instant = .now) -> Bool {
        buckets.withLock { buckets in
            var bucket = buckets[key] ?? Bucket(tokens: burst, at: now)
            let seconds = max(0, bucket.at.duration(to: now) / .seconds(1))
            bucket.tokens = min(burst, bucket.tokens + seconds * rate)
            bucket.at = now
            let isAdmitted = bucket.tokens >= 1
            if isAdmitted { bucket.tokens -= 1 }
            buckets[key] = bucket
            return isAdmitted
        }
    }
}

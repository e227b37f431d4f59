import Synchronization

/// One number that only grows, for one set of label values. Adding to it takes no lock.
public final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    init() {}

    public func increment(by amount: Int = 1) {
        guard amount > 0 else { return }
        count.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    public var value: UInt64 { count.load(ordering: .relaxed) }
}

/// One number that goes up and down, for one set of label values.
public final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(Double(0).bitPattern)

    init() {}

    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// How long things took, in seconds, counted in buckets, for one set of label values.
public final class Histogram: Sendable {
    /// Upper bounds in rising order, without the last one, +Inf.
    let bounds: [Double]

    struct Reading: Sendable {
        /// One count for each bound and a last one for what lies above them all; not yet summed up.
        var buckets: [UInt64]
        var sum: Double
        var count: UInt64 { buckets.reduce(0, +) }
    }

    // One short lock, so that the sum and the buckets of one scrape belong together.
    private let state: Mutex<Reading>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(Reading(buckets: Array(repeating: 0, count: bounds.count + 1), sum: 0))
    }

    /// Seconds that something took. A value that is not a number, or below zero, is not counted.
    public func observe(_ seconds: Double) {
        guard seconds >= 0, seconds.isFinite else { return }
        let index = bounds.firstIndex { seconds <= $0 } ?? bounds.count
        state.withLock { reading in
            reading.buckets[index] += 1
            reading.sum += seconds
        }
    }

    public func observe(_ duration: Duration) {
        observe(duration.inSeconds)
    }

    func read() -> Reading { state.withLock { $0 } }
}

extension Duration {
    /// The duration as seconds with a fraction, Prometheus's base unit of time.
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

import Glibc

/// Measures an operation on the thread that calls.
enum MicroTiming {
    /// Nanoseconds of CPU time an operation.
    ///
    /// - Throws: a failure when the operation did not do its work each time: a fast error is no speed.
    static func nanoseconds(_ operation: MicroOperation, count: Int) throws -> Double {
        let started = threadTime
        var sum = 0
        for _ in 0..<count { sum &+= try operation.turn() }
        let took = threadTime - started
        guard sum == count &* operation.expected else {
            throw CommandFailure("the operation \(operation.name.rawValue) did not do its work in every turn")
        }
        return Double(took) / Double(count)
    }

    /// How many operations fill a tenth of a second.
    static func count(of operation: MicroOperation) throws -> Int {
        var count = 1
        while count < 100_000_000 {
            let took = try nanoseconds(operation, count: count) * Double(count)
            // A fifth of the time is long enough to be believed.
            if took >= 20_000_000 { return max(1, Int(Double(count) * 100_000_000 / took)) }
            count *= 4
        }
        return count
    }

    /// Nanoseconds that this thread has had of a processor.
    private static var threadTime: Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

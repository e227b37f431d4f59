/// Where the next claim starts: a mark for each priority, kept in a runner's memory.
///
/// An index entry of a claimed job stays in the index until vacuum may remove it, and while somebody holds an old snapshot
/// it may not. A claim that starts at the head of the index walks all of them, every time; measured, that takes a queue to 5 % of
/// its speed within a minute. So a claim starts a little below the highest number that this runner has taken. What
/// lies behind (numbers drawn by transactions that committed late, jobs that another claimer locked and gave back) is found by a
/// sweep from the head, which may use at most a fiftieth of the time.
struct ReadyMarks {
    struct Plan: Equatable {
        /// Claim only above these numbers, by priority.
        var after: [Int64]
        var isSweep: Bool
    }

    /// Numbers below the mark that every claim looks at again, for transactions that commit a little late.
    let slack: Int64
    private var marks = [Int64](repeating: 0, count: Priority.allCases.count)
    private var sweeps: SweepThrottle

    init(slack: Int64 = 2_000, sweepEvery: Duration = .seconds(1)) {
        self.slack = slack
        sweeps = SweepThrottle(every: sweepEvery)
    }

    func plan(now: Duration) -> Plan {
        sweeps.isDue(now: now)
            ? Plan(after: marks.map { _ in 0 }, isSweep: true)
            : Plan(after: marks.map { max(0, $0 - slack) }, isSweep: false)
    }

    /// Takes note of a claim that ran from `start` to `end` (since any fixed moment, by a steady clock).
    ///
    /// - Parameter isFull: whether it took as many as it was allowed. A full sweep may have left more behind the mark, so
    ///   the mark goes back to where the sweep ended.
    mutating func claimed(
        _ taken: some Sequence<(priority: Priority, readyOrder: Int64)>, by plan: Plan, isFull: Bool, start: Duration,
        end: Duration
    ) {
        var highest = [Int64?](repeating: nil, count: marks.count)
        for job in taken {
            let index = Int(job.priority.rawValue)
            highest[index] = max(highest[index] ?? 0, job.readyOrder)
        }
        for (index, highest) in highest.enumerated() {
            guard let highest else { continue }
            marks[index] = plan.isSweep && isFull ? highest : max(marks[index], highest)
        }
        if plan.isSweep { sweeps.swept(from: start, to: end) }
    }
}

/// When a costly full look is due again: not before the interval, and not before fifty times what the last one took.
struct SweepThrottle {
    let interval: Duration
    private var dueAt: Duration?

    init(every interval: Duration) {
        self.interval = interval
    }

    func isDue(now: Duration) -> Bool {
        dueAt.map { now >= $0 } ?? true
    }

    mutating func swept(from start: Duration, to end: Duration) {
        dueAt = end + max(interval, (end - start) * 49)
    }
}

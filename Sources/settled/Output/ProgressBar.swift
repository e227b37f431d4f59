/// Shows how far long work has come: a bar that is redrawn on a terminal, a line every few seconds elsewhere.
///
/// It writes to standard error, so that it never mixes with data. The caller says how far the work is, as often as it likes.
struct ProgressBar {
    private let title: String
    private let total: Int?
    private let style: TerminalStyle
    private let now: () -> ContinuousClock.Instant
    private let write: (String) -> Void
    private let start: ContinuousClock.Instant
    private var next: ContinuousClock.Instant
    private var done = 0

    /// - Parameters:
    ///   - total: how many steps there are; nil when nobody knows.
    ///   - now: the clock; a parameter so that tests decide what time it is.
    init(
        _ title: String, total: Int?, style: TerminalStyle = TerminalStyle(isTerminal: StandardError.isTerminal),
        now: @escaping () -> ContinuousClock.Instant = { .now }, write: @escaping (String) -> Void = StandardError.write
    ) {
        self.title = title
        self.total = total
        self.style = style
        self.now = now
        self.write = write
        start = now()
        next = style.isTerminal ? start : start + Self.pause(style)
    }

    /// Says how far the work has come since the beginning.
    mutating func advance(to count: Int) {
        done = count
        let time = now()
        guard time >= next else { return }
        next = time + Self.pause(style)
        draw(time)
    }

    /// Shows the end, whenever the last drawing was.
    mutating func finish() {
        draw(now())
        if style.isTerminal { write("\n") }
    }

    private static func pause(_ style: TerminalStyle) -> Duration {
        style.isTerminal ? .milliseconds(100) : .seconds(5)
    }

    private func draw(_ time: ContinuousClock.Instant) {
        let seconds = (time - start).components.seconds
        // Return to the first column, write, and clear what an earlier and longer line left behind.
        write(
            style.isTerminal ? "\r\(title) \(progress), \(seconds) s\u{1B}[K" : "\(title): \(progress), \(seconds) s\n")
    }

    private var progress: String {
        guard let total else { return "\(done)" }
        let part = total > 0 ? min(1, Double(done) / Double(total)) : 1
        let filled = Int(part * 24)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
        return (style.isTerminal ? bar + " " : "") + "\(Int(part * 100)) % (\(done) of \(total))"
    }
}

extension ProgressBar {
    /// Shows `count` every tenth of a second for as long as `work` takes.
    static func following(
        _ title: String, total: Int, _ output: OutputOptions, count: @escaping @Sendable () -> Int,
        while work: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            group.addTask {
                var bar = ProgressBar(title, total: total, write: output.progress)
                while !Task.isCancelled {
                    bar.advance(to: min(total, count()))
                    try? await Task.sleep(for: .milliseconds(100))
                }
                bar.advance(to: min(total, count()))
                bar.finish()
            }
            try await group.next()
            group.cancelAll()
        }
    }
}

import UnixSignals

/// Waits for SIGINT or SIGTERM.
enum Interrupt {
    static func wait() async {
        for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return }
    }
}

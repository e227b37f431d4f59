import Foundation

/// Whether a stream may be coloured and redrawn: only on a terminal, not with NO_COLOR, not on a dumb one.
struct TerminalStyle: Sendable {
    let isTerminal: Bool
    let usesColor: Bool

    /// - Parameter environment: NO_COLOR (no-color.org: any text but the empty one) and TERM are read from it.
    init(isTerminal: Bool, environment: [String: String] = ProcessInfo.processInfo.environment) {
        let isDumb = environment["TERM"].map { $0 == "dumb" || $0.isEmpty } ?? true
        self.isTerminal = isTerminal && !isDumb
        usesColor = self.isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
    }

    func bold(_ text: String) -> String { usesColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    func faint(_ text: String) -> String { usesColor ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
    /// What is taken away and what is put in its place, as in a diff.
    func removed(_ text: String) -> String { usesColor ? "\u{1B}[31m\(text)\u{1B}[0m" : text }
    func added(_ text: String) -> String { usesColor ? "\u{1B}[32m\(text)\u{1B}[0m" : text }
}

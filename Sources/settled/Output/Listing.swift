import ArgumentParser
import Glibc

/// A page of what matched: a table for people, one JSON object a line for programs.
struct Listing<Item> {
    let columns: [Table.Column]
    let cells: (Item) -> [String?]
    let json: (Item) -> JSONLine

    /// Prints `items`, the newest first.
    ///
    /// - Parameters:
    ///   - what: the plural of what is listed, for the sentence that nothing matched.
    ///   - next: what `--before` takes for the page after this one; nil when this is the last.
    /// - Throws: exit code 3 when there is nothing to print.
    func print(_ items: [Item], _ what: String, next: String? = nil, _ output: OutputOptions) throws {
        guard !items.isEmpty else {
            output.note("no \(what) match")
            throw ExitCode.noneMatched
        }
        if output.json {
            StandardOutput.write(items.map { json($0).line }.joined())
        } else {
            var table = Table(columns)
            for item in items { table.add(cells(item)) }
            table.print()
        }
        if let next { output.note("there may be more: --before \(next)") }
    }
}

extension Table {
    /// Writes the table to standard output, cut to the terminal's width if it is one.
    func print() {
        StandardOutput.write(
            text(style: TerminalStyle(isTerminal: StandardOutput.isTerminal), widest: StandardOutput.columns))
    }
}

extension StandardOutput {
    /// How wide the terminal is; nil when standard output is none.
    static var columns: Int? {
        var size = winsize()
        guard isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}

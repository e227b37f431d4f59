import Telemetry

/// Rows under headings, in columns that line up also where Chinese characters stand.
///
/// Text from outside is made safe for the terminal. Elsewhere than on a terminal nothing is cut.
struct Table: Sendable {
    enum Alignment: Sendable { case left, right }

    struct Column: Sendable {
        let heading: String
        let alignment: Alignment

        init(_ heading: String, _ alignment: Alignment = .left) {
            self.heading = heading
            self.alignment = alignment
        }
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    init(_ headings: String...) {
        self.init(headings.map { Column($0) })
    }

    var isEmpty: Bool { rows.isEmpty }

    /// Adds a row; a missing cell is empty, a surplus one is left out.
    mutating func add(_ cells: String?...) {
        add(cells)
    }

    mutating func add(_ cells: [String?]) {
        rows.append(columns.indices.map { $0 < cells.count ? TerminalText.oneLine(cells[$0] ?? "") : "" })
    }

    /// - Parameter widest: columns of the terminal; a line is cut with `…` to fit. Nil cuts nothing.
    func text(style: TerminalStyle = TerminalStyle(isTerminal: false), widest: Int? = nil) -> String {
        let widths = columns.indices.map { index in
            (rows.map { $0[index] } + [columns[index].heading]).map(DisplayWidth.of).max() ?? 0
        }
        let heading = style.bold(line(columns.map(\.heading), widths, widest))
        return ([heading] + rows.map { line($0, widths, widest) }).map { $0 + "\n" }.joined()
    }

    private func line(_ cells: [String], _ widths: [Int], _ widest: Int?) -> String {
        let padded = cells.enumerated().map { index, cell in
            let padding = String(repeating: " ", count: widths[index] - DisplayWidth.of(cell))
            switch columns[index].alignment {
            case .right: return padding + cell
            case .left: return cell + padding
            }
        }
        var line = padded.joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        guard let widest, DisplayWidth.of(line) > widest else { return line }
        return DisplayWidth.prefix(line, columns: max(0, widest - 1)) + "…"
    }
}

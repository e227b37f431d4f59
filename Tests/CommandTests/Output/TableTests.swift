import Testing

@testable import settled

@Suite("Tables for people")
struct TableTests {
    @Test(
        "Characters take as many columns as a terminal gives them",
        arguments: [
            ("abc", 3), ("物业费", 6), ("ＡＢ", 4), ("é", 1), ("e\u{301}", 1), ("💰", 2), ("한국", 4), ("…", 1), ("", 0),
            ("a物b", 4),
            ("👨‍👩‍👧", 2), ("，。", 4), ("¥", 1), ("￥", 2),
        ])
    func widths(text: String, columns: Int) {
        #expect(DisplayWidth.of(text) == columns)
    }

    @Test("Columns line up where Chinese and Latin letters stand under each other")
    func alignment() {
        var table = Table([.init("NAME"), .init("FEN", .right), .init("NOTE")])
        table.add("小区", "1021", "x")
        table.add("garden", "5", nil)
        #expect(
            table.text() == """
                NAME     FEN  NOTE
                小区    1021  x
                garden     5

                """)
    }

    @Test("Control characters in a cell are shown and not obeyed")
    func controls() {
        var table = Table("A")
        table.add("\u{1B}[2J\nx\u{202E}")
        #expect(table.text() == "A\n\\u{1b}[2J\\nx\\u{202e}\n")
    }

    @Test("A line is cut at the terminal's width and never inside a wide character")
    func cutting() {
        var table = Table("A")
        table.add("物业费用")
        #expect(table.text(widest: 6) == "A\n物业…\n")
        #expect(table.text(widest: 8) == "A\n物业费用\n")
    }

    @Test("Missing cells are empty and surplus ones are left out")
    func uneven() {
        var table = Table("A", "B")
        table.add("1")
        table.add("1", "2", "3")
        #expect(table.text() == "A  B\n1\n1  2\n")
    }

    @Test(
        "Colour needs a terminal that can, and nobody who forbids it",
        arguments: [
            (true, ["TERM": "xterm"], true), (true, ["TERM": "dumb"], false),
            (true, ["TERM": "xterm", "NO_COLOR": "1"], false),
            (true, ["TERM": "xterm", "NO_COLOR": ""], true), (false, ["TERM": "xterm"], false), (true, [:], false),
        ] as [(Bool, [String: String], Bool)])
    func colour(isTerminal: Bool, environment: [String: String], usesColor: Bool) {
        #expect(TerminalStyle(isTerminal: isTerminal, environment: environment).usesColor == usesColor)
    }
}

@Suite("Progress of long work")
struct ProgressBarTests {
    /// A clock that tests move, and everything that was drawn.
    final class Screen {
        var time = ContinuousClock.now
        var text = ""

        func bar(isTerminal: Bool, total: Int?) -> ProgressBar {
            let environment = ["TERM": "xterm"]
            return ProgressBar(
                "import", total: total, style: TerminalStyle(isTerminal: isTerminal, environment: environment),
                now: { self.time }, write: { self.text += $0 })
        }
    }

    @Test("Elsewhere than on a terminal it is a line every five seconds, and one at the end")
    func lines() {
        let screen = Screen()
        var bar = screen.bar(isTerminal: false, total: 10)
        for step in 1...10 {
            bar.advance(to: step)
            screen.time += .seconds(2)
        }
        bar.finish()
        #expect(
            screen.text == """
                import: 40 % (4 of 10), 6 s
                import: 70 % (7 of 10), 12 s
                import: 100 % (10 of 10), 18 s
                import: 100 % (10 of 10), 20 s

                """)
    }

    @Test("On a terminal it redraws one line, not more than ten times in a second")
    func redraws() {
        let screen = Screen()
        var bar = screen.bar(isTerminal: true, total: 1000)
        for step in 1...1000 {
            bar.advance(to: step)
            screen.time += .milliseconds(1)
        }
        bar.finish()
        #expect(screen.text.count(where: { $0 == "\r" }) == 11)
        #expect(screen.text.hasSuffix("100 % (1000 of 1000), 1 s\u{1B}[K\n"))
    }

    @Test("Work without a known end shows how much is done")
    func unknownTotal() {
        let screen = Screen()
        var bar = screen.bar(isTerminal: false, total: nil)
        bar.advance(to: 7)
        bar.finish()
        #expect(screen.text == "import: 7, 0 s\n")
    }
}

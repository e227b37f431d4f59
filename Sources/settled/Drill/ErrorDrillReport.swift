/// The table of a drill: documented error by documented error, what the program did.
struct ErrorDrillReport: Sendable {
    struct Row: Sendable {
        let error: DocumentedError
        let observation: Observation

        /// Whether the program did what the documents ask for, and nothing that they forbid.
        var holds: Bool {
            let seen = observation
            // Whatever was answered first, no more than one thing may be settled, and nothing while the error lasts.
            guard seen.settled == (error.ending == .settles ? 1 : 0) else { return false }
            return switch error.ending {
            case .settles: seen.state == "done" && seen.calls > error.calls
            case .waits:
                ["scheduled", "retrying", "held", "ready", "running"].contains(seen.state) && seen.attempts == 0
            case .fails: seen.state == "failed" && seen.calls == 1
            case .concludes(let outcome):
                // An error that passes must be outlasted before anything is concluded from it.
                seen.state == "done" && seen.outcome == outcome && (error.calls == .max || seen.calls > error.calls)
            case .quarantines: seen.state == "quarantined"
            case .retries: ["scheduled", "retrying", "ready", "running"].contains(seen.state) && seen.attempts > 0
            }
        }

        var ended: String {
            switch observation.state {
            case "done": "\(observation.outcome ?? "done") at call \(observation.calls)"
            case "failed": "failed, for good"
            case "quarantined": "quarantined: a person's turn"
            case "held": "held until the cause is mended"
            default:
                if let wait = observation.wait, wait > .seconds(2) {
                    "asks again in \(Int((wait / .seconds(1)).rounded())) s"
                } else {
                    "asks again and again"
                }
            }
        }
    }

    let rows: [Row]

    var holds: Bool { !rows.isEmpty && rows.allSatisfy(\.holds) }

    var table: String {
        var table = Table([
            .init("api"), .init("documented error"), .init("first"), .init("cause"), .init("attempts", .right),
            .init("then"), .init("as it should"),
        ])
        for row in rows {
            table.add(
                row.error.api, row.error.name, row.observation.first, row.observation.cause ?? "",
                String(row.observation.attempts), row.ended, row.holds ? "yes" : "NO")
        }
        return table.text() + "\n\(rows.count(where: \.holds)) of \(rows.count) as it should be\n"
    }

    var json: String {
        rows.map { row in
            var line = JSONLine()
            line.add("api", row.error.api)
            line.add("error", row.error.name)
            line.add("first", row.observation.first)
            line.add("cause", row.observation.cause)
            line.add("attempts", row.observation.attempts)
            line.add("calls", row.observation.calls)
            line.add("state", row.observation.state)
            line.add("outcome", row.observation.outcome)
            line.add("settled", row.observation.settled)
            line.add("holds", row.holds)
            return line.line
        }.joined()
    }
}

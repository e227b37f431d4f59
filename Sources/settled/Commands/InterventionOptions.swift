import ArgumentParser
import Glibc
import JobQueue

/// How a person changes something: said first, agreed to, and given a reason that the audit keeps.
struct InterventionOptions: ParsableArguments {
    @Option(name: .long, help: "Why; kept with the job for those who ask later.")
    var reason: String?

    @Flag(name: .long, help: "Only say what would be done.")
    var dryRun = false

    @Flag(name: .shortAndLong, help: "Do not ask, also when several are changed.")
    var yes = false

    func validate() throws {
        guard dryRun || !(reason ?? "").allSatisfy(\.isWhitespace) else {
            throw ValidationError("--reason says why, for the audit; --dry-run needs none")
        }
    }

    var actor: Actor { Actor(Operator.name(), reason: reason ?? "") }

    /// Changing one thing needs no further word; changing several needs `--yes`, or an answer on a terminal.
    func agree(to question: String, count: Int) throws {
        guard count > 1, !yes else { return }
        guard isatty(STDIN_FILENO) == 1, StandardError.isTerminal else {
            throw CommandFailure("\(question): repeat with --yes, or look first with --dry-run", .usage)
        }
        StandardError.write("\(question)? [y/N] ")
        guard ["y", "yes"].contains(readLine()?.lowercased()) else {
            throw CommandFailure("nothing was changed")
        }
    }
}

import Glibc
import Synchronization

/// A named step at which the real program can be made to die or to fail, so that tests prove what is left behind.
///
/// `SETTLED_FAILPOINT=NAME:kill[:N]` ends the process with SIGKILL at the Nth time (default the first) that the step
/// NAME is reached; `NAME:error[:N]` makes that one time throw ``FailPointReached``. Several points are separated by commas.
/// Without the variable a step costs one load and one branch.
public enum FailPoint {
    /// The step `name` is reached now.
    ///
    /// - Throws: ``FailPointReached`` when the environment asks for an error at this time. Never returns when it asks for a kill.
    @inlinable
    public static func reach(_ name: StaticString) throws(FailPointReached) {
        guard isArmed else { return }
        try Armed.shared.reach(name.description)
    }

    /// Whether any fail point was asked for when the program started.
    public static let isArmed = getenv("SETTLED_FAILPOINT") != nil

    /// Whether the step `name` is one of them.
    public static func isArmed(_ name: StaticString) -> Bool {
        isArmed && Armed.shared.points[name.description] != nil
    }

    /// The first text in `SETTLED_FAILPOINT` that could not be understood, for the program to refuse at its start.
    public static var misspelled: String? { Armed.shared.misspelled }

    /// The steps that exist, in the order of the line. A name outside this list is refused.
    public static let names = [
        "intake.accepted", "intake.verified", "intake.inserted", "intake.committed", "intake.answered",
        "work.claimed", "work.answered", "work.inserted", "work.committed",
        "feed.inserted", "feed.committed",
    ]
}

/// Thrown at a step for which the environment asked for an error.
public struct FailPointReached: Error, CustomStringConvertible {
    public let name: String
    public var description: String { "fail point \(name) was reached" }
}

@usableFromInline
final class Armed: Sendable {
    @usableFromInline static let shared = Armed(getenv("SETTLED_FAILPOINT").map { String(cString: $0) } ?? "")

    enum Action { case kill, error }
    struct Point {
        let action: Action
        let occurrence: Int
    }

    let points: [String: Point]
    let misspelled: String?
    private let reached = Mutex<[String: Int]>([:])

    init(_ text: String) {
        var points: [String: Point] = [:]
        var misspelled: String?
        for entry in text.split(separator: ",") {
            let parts = entry.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            let action: Action? =
                switch parts.count > 1 ? parts[1] : "" {
                case "kill": .kill
                case "error": .error
                default: nil
                }
            let occurrence = parts.count > 2 ? Int(parts[2]) ?? 0 : 1
            guard let action, occurrence > 0, parts.count <= 3, FailPoint.names.contains(parts[0]) else {
                misspelled = misspelled ?? String(entry)
                continue
            }
            points[parts[0]] = Point(action: action, occurrence: occurrence)
        }
        self.points = points
        self.misspelled = misspelled
    }

    @usableFromInline
    func reach(_ name: String) throws(FailPointReached) {
        guard let point = points[name] else { return }
        let count = reached.withLock { counts in
            counts[name, default: 0] += 1
            return counts[name, default: 0]
        }
        guard count == point.occurrence else { return }
        switch point.action {
        case .kill:
            Glibc.kill(getpid(), SIGKILL)
            // The signal is delivered before kill returns to this thread; nothing may run past this line.
            while true { pause() }
        case .error:
            throw FailPointReached(name: name)
        }
    }
}

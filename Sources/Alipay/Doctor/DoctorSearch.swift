/// How much a diagnosis may cost, whatever it is given.
public struct DoctorBudget: Sendable, Hashable {
    /// Contents that are compared with the signature's digest.
    public var attempts: Int
    /// Bytes of all these contents together, and of all messages in which a corruption was looked for.
    public var bytes: Int

    public init(attempts: Int, bytes: Int) {
        self.attempts = attempts
        self.bytes = bytes
    }

    /// Enough to try everything on a message of the usual size. A second or two of one core, at most.
    public static let usual = DoctorBudget(attempts: 100_000, bytes: 256 << 20)
}

/// A message in which corruptions can be looked for.
protocol DoctorSubject {
    /// About how many bytes a look at all of it reads.
    var size: Int { get }
}

/// Undoes corruptions one by one, then two at a time, until the content of one variant is the one that was signed.
///
/// Of two corruptions the one that is undone first is one of the whole message, in whichever order: two chosen places at
/// once would be a guess.
struct DoctorSearch<Subject: DoctorSubject, Hit> {
    /// What was found, and how it came about.
    struct Found {
        let hit: Hit
        /// The message as it was read, before anything in it was undone.
        let reading: Reading
        let repairs: [DoctorFinding]
    }

    let repairs: [Repair<Subject>]
    /// Looks whether a message as it stands is the signed one, and spends of the budget.
    let test: (Subject, inout Spending) -> Hit?

    /// What was done so far.
    struct Spending {
        private(set) var left: DoctorBudget
        private(set) var attempts = 0

        init(_ budget: DoctorBudget) { left = budget }

        var isOver: Bool { left.attempts <= 0 || left.bytes <= 0 }

        /// For a content that is compared.
        mutating func spend(_ bytes: Int) {
            attempts += 1
            left.attempts -= 1
            left.bytes -= bytes
        }

        /// For a message that is looked through.
        mutating func look(_ bytes: Int) { left.bytes -= bytes }
    }

    /// A message as it was read from what was captured, and what reading it so supposes.
    struct Reading {
        let subject: Subject
        let supposes: [DoctorFinding]
    }

    func run(_ readings: [Reading], _ spending: inout Spending) -> Found? {
        for reading in readings {
            if let hit = test(reading.subject, &spending) { return Self.found(hit, reading) }
        }
        for reading in readings {
            if let found = once(reading, &spending) { return found }
        }
        for reading in readings {
            if let found = twice(reading, &spending) { return found }
        }
        return nil
    }

    private func once(_ reading: Reading, _ spending: inout Spending) -> Found? {
        for repair in repairs {
            spending.look(reading.subject.size)
            for variant in repair.variants(reading.subject) {
                guard !spending.isOver else { return nil }
                guard let hit = test(variant.subject, &spending) else { continue }
                return Self.found(hit, reading, (repair, variant))
            }
        }
        return nil
    }

    private func twice(_ reading: Reading, _ spending: inout Spending) -> Found? {
        for first in repairs {
            spending.look(reading.subject.size)
            for outer in first.variants(reading.subject) where outer.isBroad {
                for second in repairs where second.corruption != first.corruption {
                    guard !spending.isOver else { return nil }
                    spending.look(outer.subject.size)
                    for inner in second.variants(outer.subject) {
                        guard !spending.isOver else { return nil }
                        guard let hit = test(inner.subject, &spending) else { continue }
                        return Self.found(hit, reading, (first, outer), (second, inner))
                    }
                }
            }
        }
        return nil
    }

    private static func found(
        _ hit: Hit, _ reading: Reading, _ steps: (Repair<Subject>, Variant<Subject>)...
    ) -> Found {
        var path: [DoctorFinding] = []
        for supposed in reading.supposes { path.note(supposed) }
        for (repair, variant) in steps { path.note(DoctorFinding(repair.corruption, variant.places)) }
        return Found(hit: hit, reading: reading, repairs: path)
    }
}

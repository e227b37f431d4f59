/// One known way in which a signed message comes to fail: what happened to it on the way, or what this side expects
/// wrongly.
///
/// The name is stable and part of the documentation; the sentences are for the person whose signature fails.
public struct Corruption: Sendable, Hashable {
    public let name: String
    /// What happened.
    public let explanation: String
    /// What to do about it.
    public let advice: String

    init(_ name: String, _ explanation: String, do advice: String) {
        self.name = name
        self.explanation = explanation
        self.advice = advice
    }

    public static func == (left: Corruption, right: Corruption) -> Bool { left.name == right.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// A corruption undone in one way: the message as it may have been before, and where it was put back.
struct Variant<Subject> {
    let subject: Subject
    /// The parameters that were changed, or other words for the place; empty for the whole.
    let places: [String]
    /// Whether it is the whole message that was changed, rather than one chosen part. Only such are paired with others.
    let isBroad: Bool

    init(_ subject: Subject, places: [String] = [], isBroad: Bool) {
        self.subject = subject
        self.places = places
        self.isBroad = isBroad
    }
}

/// How a corruption is undone: all the messages that it may have been made from, none where it cannot have happened.
///
/// The number of variants is bounded by the number of parameters, and none is much larger than the message.
struct Repair<Subject>: Sendable {
    let corruption: Corruption
    let variants: @Sendable (Subject) -> [Variant<Subject>]

    init(_ corruption: Corruption, _ variants: @escaping @Sendable (Subject) -> [Variant<Subject>]) {
        self.corruption = corruption
        self.variants = variants
    }
}

/// What one person must know of one corruption that was found.
public struct DoctorFinding: Sendable, Hashable {
    public let corruption: Corruption
    /// Names of parameters, as bytes of the message that may be anything; or other words for the place.
    public internal(set) var places: [String]

    init(_ corruption: Corruption, _ places: [String] = []) {
        self.corruption = corruption
        self.places = places
    }
}

extension [DoctorFinding] {
    /// Adds a finding, or its places to the one that is there already.
    mutating func note(_ finding: DoctorFinding) {
        guard let index = firstIndex(where: { $0.corruption == finding.corruption }) else {
            append(finding)
            return
        }
        self[index].places += finding.places.filter { !self[index].places.contains($0) }
    }
}

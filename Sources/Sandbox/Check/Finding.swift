/// One broken promise, in words that a person can act on.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
    /// The invariants that can be checked from values alone.
    public enum Invariant: String, Sendable, Hashable, CaseIterable {
        /// I1: what was acknowledged is there.
        case noLostAcknowledgement = "no lost acknowledgement"
        /// I2: everything ended in an outcome.
        case noLimbo = "nothing in limbo"
        /// I3: nothing was settled twice, and the lines add up to the total.
        case noDouble = "no double"
        /// I4: nothing was settled that was not paid, or otherwise than it was paid.
        case nothingInvented = "nothing invented"
        /// I5: nothing was acknowledged that was not genuine.
        case noWrongAcknowledgement = "no wrong acknowledgement"
        /// I6: what was paid and announced is settled.
        case complete = "complete"
        /// The scenario's own ending: quarantined, nothing due, never asked about.
        case asExpected = "as expected"
    }

    public let invariant: Invariant
    /// The trade, token or delivery that it is about.
    public let subject: String
    public let sentence: String

    public init(_ invariant: Invariant, _ subject: String, _ sentence: String) {
        self.invariant = invariant
        self.subject = subject
        self.sentence = sentence
    }

    public var description: String { "\(invariant.rawValue): \(subject) \(sentence)" }
}

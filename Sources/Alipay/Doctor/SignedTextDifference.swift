/// Two signed texts side by side: the one that this side makes, and the one that the sender made.
public struct SignedTextDifference: Sendable, Hashable {
    public struct Line: Sendable, Hashable {
        public enum Side: String, Sendable, Hashable {
            /// This side's text has it, the sender's does not.
            case received = "-"
            /// The sender's text has it.
            case signed = "+"
        }

        public let side: Side
        /// The bytes, in any charset and with anything in them.
        public let text: [UInt8]
        /// The name of the parameter that this is; nil where the text has none.
        public let name: String?
        /// Whether that is a parameter which notifications are known to have.
        public let isKnown: Bool
    }

    public let lines: [Line]
    /// How many pieces are the same on both sides.
    public let equal: Int

    /// Compares parameters by name; both lists are sorted by it.
    init(received: [CapturedForm.Parameter], signed: [CapturedForm.Parameter]) {
        var lines: [Line] = []
        var equal = 0
        func add(_ side: Line.Side, _ parameter: CapturedForm.Parameter) {
            lines.append(
                Line(
                    side: side, text: parameter.name + [UInt8(ascii: "=")] + parameter.value, name: parameter.place,
                    isKnown: KnownParameter.names.contains(parameter.place)))
        }
        var (left, right) = (received[...], signed[...])
        while let one = left.first, let other = right.first {
            if one == other {
                equal += 1
                left.removeFirst()
                right.removeFirst()
            } else if one.name == other.name {
                add(.received, one)
                add(.signed, other)
                left.removeFirst()
                right.removeFirst()
            } else if one.name.lexicographicallyPrecedes(other.name) {
                add(.received, one)
                left.removeFirst()
            } else {
                add(.signed, other)
                right.removeFirst()
            }
        }
        for parameter in left { add(.received, parameter) }
        for parameter in right { add(.signed, parameter) }
        self.lines = lines
        self.equal = equal
    }

    /// Compares two texts without parts, such as the nodes of an answer.
    init(received: [UInt8], signed: [UInt8]) {
        equal = 0
        lines = [
            Line(side: .received, text: received, name: nil, isKnown: false),
            Line(side: .signed, text: signed, name: nil, isKnown: false),
        ]
    }
}

/// How the gateway writes a true answer. Every shape means the same trade; a client has to read them all.
public struct AnswerShape: Sendable, Hashable, Codable {
    /// `fund_bill_list` and `assoc_bill_details`: the documents show a single object, the names promise a list, no capture decides.
    public enum Lists: String, Sendable, Hashable, Codable, CaseIterable {
        case array
        /// The object itself, without a list around it; of several entries only the first is sent.
        case singleObject
        /// `{"<singular>":[…]}`.
        case wrapper
        /// The list as a JSON text inside a string.
        case text
    }

    public enum Money: String, Sendable, Hashable, Codable, CaseIterable {
        case text
        case number
    }

    public var lists: Lists
    public var money: Money
    /// `TRADE_SUCCES`, as the documents' sample has it.
    public var misspelsStatus: Bool
    /// `\/` for `/`, signed as it stands.
    public var escapesSlashes: Bool
    /// `\uXXXX` for everything outside ASCII, signed as it stands.
    public var escapesUnicode: Bool
    /// White space between the tokens, inside what is signed too.
    public var isSpaced: Bool
    /// `sign` before the node that it signs.
    public var putsSignFirst: Bool

    public init(
        lists: Lists = .array, money: Money = .text, misspelsStatus: Bool = false, escapesSlashes: Bool = false,
        escapesUnicode: Bool = false, isSpaced: Bool = false, putsSignFirst: Bool = false
    ) {
        self.lists = lists
        self.money = money
        self.misspelsStatus = misspelsStatus
        self.escapesSlashes = escapesSlashes
        self.escapesUnicode = escapesUnicode
        self.isSpaced = isSpaced
        self.putsSignFirst = putsSignFirst
    }

    public static let plain = AnswerShape()

    /// The documents' sample: single objects, amounts as JSON numbers, the misspelt status.
    public static let documented = AnswerShape(lists: .singleObject, money: .number, misspelsStatus: true)

    /// Draws a shape that can carry so many entries: a single object is drawn only where nothing would be lost.
    static func drawn(holding entries: Int, _ generator: inout SeededGenerator) -> AnswerShape {
        let lists: [Lists] = entries > 1 ? [.array, .wrapper, .text] : Lists.allCases
        return AnswerShape(
            lists: lists[Int(generator.next() % UInt64(lists.count))],
            money: generator.chance(0.5) ? .number : .text,
            misspelsStatus: generator.chance(0.2), escapesSlashes: generator.chance(0.2),
            escapesUnicode: generator.chance(0.2), isSpaced: generator.chance(0.2),
            putsSignFirst: generator.chance(0.2))
    }
}

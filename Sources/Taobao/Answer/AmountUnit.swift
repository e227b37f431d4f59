import Wire

/// The unit of the amounts in a bill, which its page does not name.
///
/// Sibling methods (`alibaba.idle.pay.plan.create`) say fen. It is a setting without a default all the same: a wrong guess
/// is an error of a hundred times.
public enum AmountUnit: String, Sendable, Hashable, CaseIterable {
    case fen, yuan

    /// The amount in fen, or nil when `text` is not an amount in this unit: `50` or, in yuan, `50.00`.
    ///
    /// In fen a decimal point is refused, because it says that the unit is another one. So are signs, blanks, exponents,
    /// zeros in front and more than thirteen digits (eleven in yuan).
    public func fen(_ text: String) -> Int64? {
        switch self {
        case .yuan: return Amount(yuan: text)?.fen
        case .fen:
            let isPlain = (1...13).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isPlain, text == "0" || !text.hasPrefix("0") else { return nil }
            return Int64(text)
        }
    }
}

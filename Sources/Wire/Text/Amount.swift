/// An amount of money in yuan (CNY), held in fen so that nothing is ever rounded.
public struct Amount: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Hundredths of a yuan. Negative only for what is paid back.
    public let fen: Int64

    public init(fen: Int64) {
        self.fen = fen
    }

    /// Reads an amount as Alipay writes it: digits, and perhaps a point followed by one or two digits: `10`, `10.2`,
    /// `10.21`.
    ///
    /// Nil for everything else: a sign, a blank, an exponent, a grouping comma, digits of other scripts, a third
    /// decimal, a point without digits on both sides, zeros in front (`010`), or more than eleven digits before the
    /// point. The pages of the API give prices eleven characters; eleven digits leave room and stay far inside Int64,
    /// so that sums of many thousand amounts cannot overflow.
    public init?(yuan text: String) {
        self.init(yuan: text.utf8)
    }

    /// ``init(yuan:)-(String)`` for bytes.
    public init?(yuan text: some Collection<UInt8>) {
        var fen: Int64 = 0
        var whole = 0
        var decimals: Int?
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if let count = decimals {
                    guard count < 2 else { return nil }
                    decimals = count + 1
                } else {
                    guard whole < 11, !(whole == 1 && fen == 0) else { return nil }
                    whole += 1
                }
                fen = fen * 10 + Int64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "."):
                guard decimals == nil, whole > 0 else { return nil }
                decimals = 0
            default:
                return nil
            }
        }
        guard whole > 0 else { return nil }
        switch decimals {
        case nil: self.fen = fen * 100
        case 1: self.fen = fen * 10
        case 2: self.fen = fen
        default: return nil
        }
    }

    /// The amount with exactly two decimals: `10.21`, `0.05`, `-10.21`.
    public var yuan: String {
        let (whole, rest) = fen.magnitude.quotientAndRemainder(dividingBy: 100)
        return "\(fen < 0 ? "-" : "")\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    public var description: String { yuan }

    public static func < (left: Amount, right: Amount) -> Bool { left.fen < right.fen }
}

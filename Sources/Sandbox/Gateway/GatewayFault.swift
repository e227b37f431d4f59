/// One way in which the gateway, or the road to it, fails. Each is a real thing that a client must survive.
public enum GatewayFault: Sendable, Hashable {
    /// The true answer, later.
    case late(Duration)
    /// Another HTTP status with a page of HTML; 429 carries `Retry-After: 1`, 301 a `Location` that must not be followed.
    case status(Int)
    /// HTTP 200 with nothing, and with a page of HTML.
    case empty, page
    /// The true answer without `sign`.
    case unsignedSuccess
    /// The true answer, signed by a key that is not Alipay's.
    case foreignSignature
    /// The true answer with a valid signature over other bytes of the same meaning (re-serialised).
    case signatureOverOtherBytes
    /// A validly signed answer about another trade. Who asked by number can notice; who asked by token cannot.
    case wrongTrade
    /// The true answer in GBK though UTF-8 was asked for, signed over those bytes.
    case gbkAnswer
    /// Two response nodes: the signed one, and a second with another amount.
    case secondNode
    /// 20000 `isp.unknow-error`, signed, or unsigned, or unsigned in GBK.
    case unknownError(signed: Bool, gbk: Bool = false)
    /// 40004 `SYSTEM_ERROR`, signed.
    case systemError
    /// 40005 `isv.app-call-limited`.
    case callLimited
    /// 40004 `PAY_INFO_NOT_EXISTING`: the notification outran the read side.
    case notExisting
    /// 40004 `PAY_INFO_BELONGING_TO_OTHERS`.
    case belongsToOthers
    /// Any failure of the documents: its `code` and `sub_code`, signed or not.
    case failure(code: String, subCode: String, signed: Bool = true)
    /// Half of the announced body, then the connection ends.
    case halfBody
    /// The connection is reset in place of an answer.
    case reset
    /// The true answer, one byte at a time with this pause between.
    case drip(Duration)
    /// So many bytes of blanks.
    case huge(Int)

    /// A word for journals and tables.
    public var name: String {
        switch self {
        case .late: "late"
        case .status(let code): "http_\(code)"
        case .empty: "empty"
        case .page: "page"
        case .unsignedSuccess: "unsigned_success"
        case .foreignSignature: "foreign_signature"
        case .signatureOverOtherBytes: "signature_over_other_bytes"
        case .wrongTrade: "wrong_trade"
        case .gbkAnswer: "gbk_answer"
        case .secondNode: "second_node"
        case .unknownError(let signed, let gbk):
            "unknown_error_\(signed ? "signed" : "unsigned")\(gbk ? "_gbk" : "")"
        case .systemError: "system_error"
        case .callLimited: "call_limited"
        case .notExisting: "not_existing"
        case .belongsToOthers: "belongs_to_others"
        case .failure(_, let subCode, _): subCode
        case .halfBody: "half_body"
        case .reset: "reset"
        case .drip: "drip"
        case .huge: "huge"
        }
    }

    /// Faults that pass when asked again, quick enough for a demonstration.
    public static let passing: [GatewayFault] = [
        .late(.milliseconds(300)), .status(500), .status(502), .status(503), .empty, .page, .unsignedSuccess,
        .foreignSignature, .signatureOverOtherBytes, .wrongTrade, .secondNode, .unknownError(signed: true),
        .unknownError(signed: false), .unknownError(signed: false, gbk: true), .systemError, .notExisting, .halfBody,
        .reset,
    ]
}

/// A fault and for how many calls it lasts.
public struct PlannedFault: Sendable, Hashable {
    public var fault: GatewayFault
    public var calls: Int

    /// - Parameter calls: `.max` for a fault that never passes.
    public init(_ fault: GatewayFault, calls: Int = 1) {
        self.fault = fault
        self.calls = calls
    }
}

/// Faults that strike by chance, though always the same calls for the same seed, in whatever order the calls arrive.
public struct FaultRates: Sendable {
    public var seed: UInt64
    public var rates: [(fault: GatewayFault, probability: Double)]
    /// Only so many first calls of each trade can be struck, so that every job ends.
    public var calls: Int

    public init(seed: UInt64, rates: [(fault: GatewayFault, probability: Double)], calls: Int = 2) {
        self.seed = seed
        self.rates = rates
        self.calls = calls
    }

    public static let none = FaultRates(seed: 0, rates: [], calls: 0)

    func fault(for tradeNo: String, call: Int) -> GatewayFault? {
        guard call < calls, !rates.isEmpty else { return nil }
        var generator = SeededGenerator(seed: seed, for: tradeNo, call)
        return rates.first { generator.chance($0.probability) }?.fault
    }
}

extension [PlannedFault] {
    /// The fault of the given call (from 0), nil when all of them have passed.
    func fault(forCall call: Int) -> GatewayFault? {
        var rest = call
        for planned in self {
            if rest < planned.calls { return planned.fault }
            rest -= planned.calls
        }
        return nil
    }
}

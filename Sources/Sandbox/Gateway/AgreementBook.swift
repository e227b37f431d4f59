import Synchronization

/// A withholding agreement as the platform has it: the truth that a reconciliation is compared with.
public struct SandboxAgreement: Sendable, Hashable {
    public var agreementID: String
    public var userID: String
    public var bizType: String
    public var subBizType: String
    public var chargeInst: String
    public var billKey: String?
    public var outAgreementID: String
    public var signDate: String

    public init(
        agreementID: String, userID: String, bizType: String = "JF", subBizType: String = "ELECTRIC",
        chargeInst: String, billKey: String?, outAgreementID: String, signDate: String
    ) {
        self.agreementID = agreementID
        self.userID = userID
        self.bizType = bizType
        self.subBizType = subBizType
        self.chargeInst = chargeInst
        self.billKey = billKey
        self.outAgreementID = outAgreementID
        self.signDate = signDate
    }
}

/// The platform's memory of agreements and of what was asked about them. Safe to use from everywhere.
public final class AgreementBook: Sendable {
    private struct State {
        var byNumber: [String: SandboxAgreement] = [:]
        var byBill: [[String]: String] = [:]
        var faults: [String: [PlannedFault]] = [:]
        var asked: [String: Int] = [:]
    }

    private let state = Mutex(State())

    public init(_ agreements: [SandboxAgreement] = []) {
        for agreement in agreements { add(agreement) }
    }

    public func add(_ agreement: SandboxAgreement) {
        state.withLock { state in
            state.byNumber[agreement.agreementID] = agreement
            if let key = Self.key(agreement) { state.byBill[key] = agreement.agreementID }
        }
    }

    /// Ends an agreement: it is not there any more.
    public func remove(_ agreementID: String) {
        state.withLock { state in
            guard let agreement = state.byNumber.removeValue(forKey: agreementID) else { return }
            if let key = Self.key(agreement) { state.byBill[key] = nil }
        }
    }

    /// What goes wrong when a user's agreements are asked about, for so many calls each, in order; there need be none.
    public func plan(_ faults: [PlannedFault], forUser userID: String) {
        state.withLock { $0.faults[userID] = faults }
    }

    /// How often a user's agreements were asked about.
    public func timesAsked(_ userID: String) -> Int { state.withLock { $0.asked[userID] ?? 0 } }

    public var totalQuestions: Int { state.withLock { $0.asked.values.reduce(0, +) } }

    /// The agreement that is meant, if it is this user's, and the fault that is due.
    func ask(_ question: AgreementCounter.Question) -> (agreement: SandboxAgreement?, fault: GatewayFault?) {
        state.withLock { state in
            let earlier = state.asked[question.user_id, default: 0]
            state.asked[question.user_id] = earlier + 1
            let number =
                question.agreement_id
                ?? question.bill.flatMap { state.byBill[[question.user_id] + $0] }
            let agreement = number.flatMap { state.byNumber[$0] }
            return (
                agreement?.userID == question.user_id ? agreement : nil,
                state.faults[question.user_id]?.fault(forCall: earlier)
            )
        }
    }

    /// Any other agreement, for an answer about the wrong one.
    func another(than agreementID: String?) -> SandboxAgreement? {
        state.withLock { $0.byNumber.values.first { $0.agreementID != agreementID } }
    }

    private static func key(_ agreement: SandboxAgreement) -> [String]? {
        agreement.billKey.map {
            [agreement.userID, agreement.bizType, agreement.subBizType, agreement.chargeInst, $0]
        }
    }
}

import JobQueue
import Taobao
import Testing

@testable import Settlement

/// What a bill means for its order.
@Suite struct WithholdingVerdictTests {
    static let policy = WithholdingPolicy(
        unit: .fen, schedule: PollSchedule([.seconds(30), .seconds(120), .seconds(600)]),
        giveUpAfter: .seconds(30 * 86_400))

    static func detail(_ n: Int, _ status: String = "SUCCESSED", _ amount: String? = "50", trade: String? = nil)
        -> AgreementPayBill.Detail
    {
        .init(planID: "R1_1_\(n)", status: status, amount: amount, alipayTradeNo: trade)
    }

    static func bill(_ status: String, total: String?, _ details: [AgreementPayBill.Detail]) -> AgreementPayBill {
        AgreementPayBill(
            bizOrderID: "1", payBizCode: "R1", status: .init(status), totalAmount: total, details: details)
    }

    static func standing(_ n: Int, fen: Int64 = 50, trade: String? = nil, jobID: Int64 = 1)
        -> [String: WithholdingVerdict.Standing]
    {
        ["R1_1_\(n)": .init(settlementID: Int64(n), fen: fen, alipayTradeNo: trade, jobID: jobID)]
    }

    private static func verdict(
        _ bill: AgreementPayBill, standing: [String: WithholdingVerdict.Standing] = [:], age: Duration = .zero,
        policy: WithholdingPolicy = policy
    ) -> WithholdingVerdict {
        WithholdingVerdict(bill, standing: standing, jobID: 1, policy: policy, age: age, jitter: 0)
    }

    /// The disposition in a word, for tables.
    static func word(_ disposition: Disposition) -> String {
        switch disposition {
        case .done(let outcome, _): "done \(outcome)"
        case .retry(let failure, let after, _): "retry \(failure.cause)\(after.map { " \($0 / .seconds(1))" } ?? "")"
        case .snooze(let after, _): "snooze \(after / .seconds(1))"
        case .fail(let failure): "fail \(failure.cause)"
        case .quarantine(let failure): "quarantine \(failure.cause)"
        case .cancel: "cancel"
        case .hold(let key, _, _, _): "hold \(key)"
        }
    }

    static let cases: [(String, AgreementPayBill, [String: WithholdingVerdict.Standing], settles: [Int], String)] = [
        ("nothing yet", bill("INIT", total: nil, []), [:], [], "snooze 30.0"),
        ("nothing yet, with a total", bill("INIT", total: "100", []), [:], [], "snooze 30.0"),
        ("a word that the page does not have", bill("PROCESSING", total: "100", []), [:], [], "snooze 30.0"),
        ("no status at all", bill("", total: "100", []), [:], [], "snooze 30.0"),
        (
            "one of two paid", bill("PARTIAL_SUCCESSED", total: "120", [detail(1), detail(2, "FAILED", "70")]), [:],
            [1],
            "snooze 30.0"
        ),
        (
            "one of two was paid before",
            bill("PARTIAL_SUCCESSED", total: "120", [detail(1), detail(2, "INIT", "70")]),
            standing(1), [], "snooze 30.0"
        ),
        (
            "both paid, one of them before", bill("SUCCESSED", total: "100", [detail(1), detail(2)]), standing(1), [2],
            "done settled"
        ),
        ("both paid", bill("SUCCESSED", total: "100", [detail(1), detail(2)]), [:], [1, 2], "done settled"),
        ("all paid before by this job", bill("SUCCESSED", total: "50", [detail(1)]), standing(1), [], "done settled"),
        (
            "all paid before by another job", bill("SUCCESSED", total: "50", [detail(1)]), standing(1, jobID: 9), [],
            "done already_settled"
        ),
        ("failed", bill("FAILED", total: "50", [detail(1, "FAILED")]), [:], [], "done nothing_due"),
        ("failed before anything was planned", bill("FAILED", total: nil, []), [:], [], "done nothing_due"),
        (
            "failed with one paid", bill("FAILED", total: "120", [detail(1), detail(2, "FAILED", "70")]), [:], [1],
            "done settled"
        ),
        // What speaks against a bill.
        (
            "the sum at the end", bill("SUCCESSED", total: "101", [detail(1), detail(2)]), [:], [],
            "quarantine details_mismatch"
        ),
        (
            "the sum of a failed order", bill("FAILED", total: "50", []), [:], [], "quarantine details_mismatch"
        ),
        ("no instalments at the end", bill("SUCCESSED", total: nil, []), [:], [], "quarantine details_mismatch"),
        ("no total at the end", bill("SUCCESSED", total: nil, [detail(1)]), [:], [], "quarantine details_mismatch"),
        (
            "an unpaid instalment of an order that succeeded",
            bill("SUCCESSED", total: "100", [detail(1), detail(2, "INIT")]), [:], [], "quarantine details_mismatch"
        ),
        (
            "an instalment without an amount at the end",
            bill("FAILED", total: "50", [detail(1), detail(2, "FAILED", nil)]), [:], [], "quarantine details_mismatch"
        ),
        (
            "more paid than there is to pay", bill("PARTIAL_SUCCESSED", total: "50", [detail(1), detail(2)]), [:], [],
            "quarantine details_mismatch"
        ),
        (
            "a settled instalment is gone at the end", bill("FAILED", total: "50", [detail(2, "FAILED")]), standing(1),
            [],
            "quarantine details_mismatch"
        ),
        (
            "a point in an amount in fen", bill("PARTIAL_SUCCESSED", total: "120", [detail(1, "SUCCESSED", "0.50")]),
            [:],
            [], "quarantine bad_amount"
        ),
        ("a point in the total", bill("INIT", total: "1.20", []), [:], [], "quarantine bad_amount"),
        (
            "an unpaid amount that is none", bill("INIT", total: "1", [detail(1, "INIT", "x")]), [:], [],
            "quarantine bad_amount"
        ),
        (
            "paid without an amount", bill("PARTIAL_SUCCESSED", total: "50", [detail(1, "SUCCESSED", nil)]), [:], [],
            "quarantine invalid_amount"
        ),
        (
            "paid nothing", bill("PARTIAL_SUCCESSED", total: "50", [detail(1, "SUCCESSED", "0")]), [:], [],
            "quarantine invalid_amount"
        ),
        (
            "a settled amount changed", bill("SUCCESSED", total: "60", [detail(1, "SUCCESSED", "60")]), standing(1), [],
            "quarantine settlement_conflict"
        ),
        (
            "a settled instalment is not paid any more", bill("FAILED", total: "50", [detail(1, "FAILED")]),
            standing(1), [],
            "quarantine settlement_conflict"
        ),
        (
            "a settled instalment has another trade", bill("SUCCESSED", total: "50", [detail(1, trade: "B")]),
            standing(1, trade: "A"), [], "quarantine settlement_conflict"
        ),
        (
            "a settled instalment's trade is told later", bill("SUCCESSED", total: "50", [detail(1, trade: "B")]),
            standing(1), [], "done settled"
        ),
        (
            "beside a conflict nothing else is settled",
            bill("PARTIAL_SUCCESSED", total: "200", [detail(1, "SUCCESSED", "60"), detail(2)]), standing(1), [],
            "quarantine settlement_conflict"
        ),
    ]

    @Test(arguments: cases.indices)
    func `a bill is decided`(index: Int) {
        let (name, bill, standing, settles, word) = Self.cases[index]
        let verdict = Self.verdict(bill, standing: standing)
        #expect(verdict.settles.map(\.detail.planID) == settles.map { "R1_1_\($0)" }, "\(name)")
        #expect(Self.word(verdict.disposition) == word, "\(name)")
        #expect(verdict.isEnd == word.hasPrefix("done"), "\(name)")
    }

    @Test func `yuan are read as yuan`() {
        var policy = Self.policy
        policy.unit = .yuan
        let verdict = Self.verdict(
            Self.bill(
                "SUCCESSED", total: "1.2", [Self.detail(1, "SUCCESSED", "0.50"), Self.detail(2, "SUCCESSED", "0.7")]),
            policy: policy)
        #expect(verdict.settles.map(\.fen) == [50, 70] && verdict.totalFen == 120)
        #expect(Self.word(verdict.disposition) == "done settled")
    }

    @Test func `an order without an end goes to a person, and what it paid is settled all the same`() {
        let young = Self.verdict(Self.bill("INIT", total: nil, []), age: .seconds(30 * 86_400))
        #expect(Self.word(young.disposition) == "snooze 600.0")
        let old = Self.verdict(
            Self.bill("PARTIAL_SUCCESSED", total: "100", [Self.detail(1), Self.detail(2, "INIT")]),
            age: .seconds(30 * 86_400 + 1))
        #expect(Self.word(old.disposition) == "quarantine gave_up")
        #expect(old.settles.count == 1 && !old.isEnd)
        // One that ends at last has ended.
        let ended = Self.verdict(Self.bill("SUCCESSED", total: "50", [Self.detail(1)]), age: .seconds(90 * 86_400))
        #expect(Self.word(ended.disposition) == "done settled")
    }

    @Test(arguments: [
        (0, 30), (29, 30), (30, 120), (149, 120), (150, 600), (750, 600), (1_000_000, 600),
    ])
    func `an order is asked about more seldom with its age`(age: Int, wait: Int) {
        #expect(Self.policy.schedule.wait(at: .seconds(age), jitter: 0) == .seconds(wait))
        let most = Self.policy.schedule.wait(at: .seconds(age), jitter: 0.999)
        #expect(most > .seconds(wait) && most < .seconds(wait) * 1.1)
    }

    // MARK: Failures

    private static func failed(
        _ kind: TOPFailure.Kind, refusedFor: Duration = .zero, age: Duration = .zero,
        jitter: Double = 0
    ) -> String {
        word(
            WithholdingVerdict.disposition(
                of: TOPFailure(kind, cause: "c", message: "m"), refusedFor: refusedFor,
                policy: policy,
                age: age, jitter: jitter))
    }

    @Test func `each kind of failure has its own end`() {
        let month = Duration.seconds(31 * 86_400)
        #expect(Self.failed(.retry) == "retry c")
        #expect(Self.failed(.retry, age: month) == "quarantine gave_up")
        #expect(Self.failed(.throttle(.init(.seconds(13)))) == "snooze 13.0")
        #expect(Self.failed(.throttle(.init(.seconds(2))), age: month, jitter: 0.5) == "snooze 2.5")
        #expect(Self.failed(.throttle(.init(.seconds(40))), jitter: 0.5) == "snooze 45.0")
        #expect(Self.failed(.throttle(.init(.seconds(9000))), jitter: 0.5) == "snooze 9010.0")
        #expect(Self.failed(.permanent) == "quarantine c")
        #expect(Self.failed(.operator) == "snooze 45.0")
        #expect(Self.failed(.operator, age: month, jitter: 0.999).hasPrefix("snooze 74"))
        #expect(Self.failed(.clock) == "snooze 1.0")
        #expect(Self.failed(.business) == "retry c 30.0")
        #expect(Self.failed(.business, refusedFor: .seconds(2 * 86_400), age: .seconds(200)) == "retry c 600.0")
        #expect(Self.failed(.business, refusedFor: .seconds(2 * 86_400 + 1)) == "quarantine c")
        #expect(Self.failed(.business, age: month) == "quarantine gave_up")
    }
}

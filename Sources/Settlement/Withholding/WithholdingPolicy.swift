import Taobao

/// What the decision about an order depends on besides the answer.
public struct WithholdingPolicy: Sendable {
    /// The unit of the amounts in answers. There is no default: a wrong guess is an error of a hundred times.
    public var unit: AmountUnit
    public var schedule: PollSchedule
    /// When an order without an end goes to a person.
    public var giveUpAfter: Duration
    /// For how long nothing but refusals may come (`result.success` is false) before a person looks. An order can be asked
    /// about before the platform knows it, so the first of them prove nothing.
    public var refusedFor: Duration

    public init(
        unit: AmountUnit, schedule: PollSchedule, giveUpAfter: Duration = .seconds(30 * 86_400),
        refusedFor: Duration = .seconds(2 * 86_400)
    ) {
        self.unit = unit
        self.schedule = schedule
        self.giveUpAfter = giveUpAfter
        self.refusedFor = refusedFor
    }
}

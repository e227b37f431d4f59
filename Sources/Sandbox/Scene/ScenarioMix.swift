/// The proportions of a scenario. Weights are relative; a weight of 0 leaves a story out.
public struct ScenarioMix: Sendable {
    public var weights: [Story: Int]
    /// Faults for `failingFirst`, drawn evenly.
    public var faults: [GatewayFault]
    /// For how many calls a drawn fault lasts at most.
    public var faultCalls: Int
    /// The delay of `lateAnswer`.
    public var lateness: Duration
    /// Lies for `forged`, each at least once before any comes twice.
    public var forgeries: [Forgery]
    /// Upper bound of bills in one trade; most have one.
    public var bills: Int
    /// Draw the shapes that the documents leave open; false sends every answer in the plain shape.
    public var variesShapes: Bool

    public init(
        weights: [Story: Int] = ScenarioMix.usualWeights, faults: [GatewayFault] = GatewayFault.passing,
        faultCalls: Int = 2, lateness: Duration = .milliseconds(300), forgeries: [Forgery] = Forgery.allCases,
        bills: Int = 5, variesShapes: Bool = true
    ) {
        self.weights = weights
        self.faults = faults
        self.faultCalls = faultCalls
        self.lateness = lateness
        self.forgeries = forgeries
        self.bills = bills
        self.variesShapes = variesShapes
    }

    public static let usualWeights: [Story: Int] = [
        .plain: 420, .tradeFormat: 160, .tokenOnly: 60, .tokenAndTradeNo: 30, .gbk: 60, .unknownParameters: 30,
        .exactDuplicate: 40, .laterDuplicate: 30, .forged: 80, .lateAnswer: 20, .failingFirst: 40, .closed: 15,
        .foreignReceiver: 5, .belongsToOthers: 3, .amountConflict: 4, .billsMismatch: 3,
    ]

    /// Nothing but paid trades and plain notifications, for measuring.
    public static let plain = ScenarioMix(weights: [.plain: 1], bills: 1, variesShapes: false)
}

import Logging
import Settlement
import Telemetry

/// Everything that the routes need of the rest of the program.
public struct House: Sendable {
    /// Withholding orders, to look up and to add.
    public struct Withholdings: Sendable {
        public var records: WithholdingRecords
        public var register: WithholdingRegister

        public init(records: WithholdingRecords, register: WithholdingRegister) {
            self.records = records
            self.register = register
        }
    }

    /// Nil when this process takes no notifications.
    public var intake: Intake?
    public var reader: FeedReader
    public var watch: FeedWatch
    public var feed: String
    public var settlements: SettlementRecords
    public var jobs: JobRecords
    /// nil when withholding is not configured.
    public var withholdings: Withholdings?
    /// Nil when no agreements are reconciled here.
    public var agreements: AgreementReport?
    public var gatekeeper: Gatekeeper
    public var readiness: Readiness
    public var metrics: Metrics
    public var limits: WebLimits
    public var address: ClientAddress
    public var logger: Logger

    public init(
        intake: Intake?, reader: FeedReader, watch: FeedWatch, feed: String = "main", settlements: SettlementRecords,
        jobs: JobRecords,
        gatekeeper: Gatekeeper, readiness: Readiness, metrics: Metrics, limits: WebLimits = WebLimits(),
        address: ClientAddress = ClientAddress(), logger: Logger
    ) {
        self.intake = intake
        self.reader = reader
        self.watch = watch
        self.feed = feed
        self.settlements = settlements
        self.jobs = jobs
        self.gatekeeper = gatekeeper
        self.readiness = readiness
        self.metrics = metrics
        self.limits = limits
        self.address = address
        self.logger = logger
    }
}

import Logging
import Postgres
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

    /// What is expected, to look up and to add.
    public struct Expectations: Sendable {
        public var records: ExpectationRecords
        public var book: ExpectationBook
        /// What may be expected now; the configuration can change while the program runs.
        public var terms: @Sendable () -> ExpectationTerms

        public init(pool: Pool, terms: @escaping @Sendable () -> ExpectationTerms) {
            records = ExpectationRecords(pool: pool)
            book = ExpectationBook(pool: pool)
            self.terms = terms
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
    /// Nil when nothing is expected here.
    public var expectations: Expectations?
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

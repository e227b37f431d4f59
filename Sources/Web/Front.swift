import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Settlement
import Telemetry

/// Sends each request to its route.
///
/// A list of paths instead of a router: the notification endpoint must tell "no such source" from "wrong method", and its
/// path is looked up thousands of times a second.
public struct Front: HTTPResponder {
    public typealias Context = BasicRequestContext

    /// What a listener serves besides health, which every listener serves.
    public struct Rooms: OptionSet, Sendable {
        public let rawValue: Int
        public static let notify = Rooms(rawValue: 1)
        public static let api = Rooms(rawValue: 2)
        public static let admin = Rooms(rawValue: 4)
        public init(rawValue: Int) { self.rawValue = rawValue }
    }

    private let rooms: Rooms
    private let feed: FeedRoute
    private let records: RecordsRoute
    private let jobs: JobsRoute
    private let withholdings: WithholdingRoute
    private let agreements: AgreementsRoute?
    private let expectations: ExpectationsRoute?
    private let gate: BearerGate
    private let health: HealthRoute
    private let metrics: Metrics
    private let logger: Logger

    public init(_ house: House, rooms: Rooms) {
        self.rooms = rooms
        feed = FeedRoute(reader: house.reader, watch: house.watch, feed: house.feed)
        records = RecordsRoute(settlements: house.settlements)
        jobs = JobsRoute(jobs: house.jobs, limits: house.limits)
        withholdings = WithholdingRoute(withholdings: house.withholdings, limits: house.limits)
        agreements = house.agreements.map(AgreementsRoute.init)
        expectations = house.expectations.map { ExpectationsRoute(expectations: $0, limits: house.limits) }
        gate = BearerGate(gatekeeper: house.gatekeeper)
        health = HealthRoute(readiness: house.readiness)
        metrics = house.metrics
        logger = house.logger
    }

    public func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        let path = request.uri.path
        do {
            switch path {
            case "/livez": return health.live()
            case "/readyz", "/healthz": return await health.ready()
            case "/metrics" where rooms.contains(.admin):
                return HealthRoute.text(.ok, await metrics.registry.render())
            case FeedRoute.path where rooms.contains(.api):
                try await enter(request, methods: "GET", scope: .read)
                return try await feed.respond(to: request)
            case AgreementsRoute.path where rooms.contains(.api):
                try await enter(request, methods: "GET", scope: .read)
                guard let agreements else { throw Problem.notFound("no agreements are configured here") }
                return try await agreements.list(request)
            case _ where rooms.contains(.api) && JobsRoute.serves(path):
                return try await jobs.respond(to: request) { methods, scope in
                    try await enter(request, methods: methods, scope: scope)
                }
            case _ where rooms.contains(.api) && WithholdingRoute.serves(path):
                return try await withholdings.respond(to: request) { methods, scope in
                    try await enter(request, methods: methods, scope: scope)
                }
            case _ where rooms.contains(.api) && ExpectationsRoute.serves(path):
                guard let expectations else { throw Problem.notFound("nothing is expected here") }
                return try await expectations.respond(to: request) { methods, scope in
                    try await enter(request, methods: methods, scope: scope)
                }
            case _ where rooms.contains(.api) && path.hasPrefix("/v1/"):
                return try await records.respond(to: request) { methods, scope in
                    try await enter(request, methods: methods, scope: scope)
                }
            default: throw Problem.notFound("there is nothing at this path")
            }
        } catch let problem as Problem {
            return problem.response
        } catch {
            logger.warning("a request failed", metadata: ["path": "\(path)", "err.msg": "\(error)"])
            return Problem.unavailable.response
        }
    }

    @discardableResult
    private func enter(_ request: Request, methods: String, scope: TokenStore.Scope) async throws -> TokenStore.Token {
        guard methods.split(separator: ", ").contains(where: { $0 == request.method.rawValue }) else {
            throw Problem.notAllowed(methods)
        }
        return try await gate.pass(request, scope: scope)
    }
}

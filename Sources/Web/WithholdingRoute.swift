import Foundation
import Hummingbird
import Settlement

/// Withholding orders over HTTP: `GET /v1/withholdings?pay_status=…`, `GET /v1/withholdings/{biz_order_id}` and
/// `POST /v1/withholdings`.
///
/// A POST takes `{"biz_order_id":"…","pay_biz_code":"R1"}`, or up to a thousand of them in `{"items":[…]}`, and answers with
/// what became of each: added, known or resumed. Adding an order again changes nothing; with `Idempotency-Key` the same request
/// also gets the same answer.
struct WithholdingRoute: Sendable {
    static let path = "/v1/withholdings"
    static func serves(_ path: String) -> Bool { path == Self.path || path.hasPrefix(Self.path + "/") }

    let withholdings: House.Withholdings?
    let limits: WebLimits

    func respond(to request: Request, enter: Entrance) async throws -> Response {
        let rest = request.uri.path.dropFirst(Self.path.count)
        if rest.isEmpty, request.method == .post {
            let token = try await enter("POST", .operate)
            return try await add(request, token)
        }
        _ = try await enter(rest.isEmpty ? "GET, POST" : "GET", .read)
        return try await rest.isEmpty ? list(request) : show(String(rest.dropFirst()), request)
    }

    private func house() throws -> House.Withholdings {
        guard let withholdings else {
            throw Problem.notFound("withholding is not configured here: taobao and withholding are missing")
        }
        return withholdings
    }

    // MARK: Looking

    private func list(_ request: Request) async throws -> Response {
        let query = ListQuery(request)
        var filter = WithholdingRecords.Filter()
        filter.payStatus = try query.word("pay_status")
        filter.jobState = try query.word("job_state")
        filter.payBizCode = try query.word("pay_biz_code")
        filter.limit = try query.number("limit", in: 1...1000) ?? 50
        filter.before = try query.number("before", in: 1...Int64.max)
        let records = try await house().records.list(filter)
        return ListPage.answer(records.map { ($0.id, $0.json) }, limit: filter.limit)
    }

    /// All orders with the id, which is one unless several businesses use the same.
    private func show(_ segment: String, _ request: Request) async throws -> Response {
        guard let id = segment.removingPercentEncoding, !id.isEmpty,
            let id = try ListQuery.word(id[...], "biz_order_id")
        else {
            throw Problem.notFound("there is no such order")
        }
        let code = try ListQuery(request).word("pay_biz_code")
        let records = try await house().records.show(id, payBizCode: code)
        guard let first = records.first else { throw Problem.notFound("there is no withholding order \(id)") }
        guard records.count == 1 else {
            throw Problem.invalid(
                "pay_biz_code",
                "one of " + records.map(\.payBizCode).joined(separator: ", ") + ", since several have the id")
        }
        return RecordsRoute.json(first.json)
    }

    // MARK: Adding

    private func add(_ request: Request, _ token: TokenStore.Token) async throws -> Response {
        let register = try house().register
        return try await request.change(limits, WithholdingRequest.init(parsing:)) { asked, key in
            try await register.add(asked, by: token, key: key)
        }
    }
}

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
    /// Lets a request in whose token has the scope, and says whose token it is.
    typealias Entrance = (_ methods: String, _ scope: TokenStore.Scope) async throws -> TokenStore.Token

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
        let query = request.uri.queryParameters
        var filter = WithholdingRecords.Filter()
        filter.payStatus = try word(query["pay_status"], "pay_status")
        filter.jobState = try word(query["job_state"], "job_state")
        filter.payBizCode = try word(query["pay_biz_code"], "pay_biz_code")
        filter.limit = try number(query["limit"], "limit", in: 1...1000) ?? 50
        filter.before = try number(query["before"], "before", in: 1...Int64.max)
        let records = try await house().records.list(filter)
        let more = Int64(records.count) == filter.limit ? records.last.map { String($0.id) } : nil
        return RecordsRoute.json(Self.page(records) + Array(#","next_before":\#(more ?? "null")}"#.utf8))
    }

    /// All orders with the id, which is one unless several businesses use the same.
    private func show(_ segment: String, _ request: Request) async throws -> Response {
        guard let id = segment.removingPercentEncoding, !id.isEmpty, let id = try word(id[...], "biz_order_id") else {
            throw Problem.notFound("there is no such order")
        }
        let code = try word(request.uri.queryParameters["pay_biz_code"], "pay_biz_code")
        let records = try await house().records.show(id, payBizCode: code)
        guard let first = records.first else { throw Problem.notFound("there is no withholding order \(id)") }
        guard records.count == 1 else {
            throw Problem.invalid(
                "pay_biz_code",
                "one of " + records.map(\.payBizCode).joined(separator: ", ") + ", since several have the id")
        }
        return RecordsRoute.json(first.json)
    }

    private static func page(_ records: [WithholdingRecord]) -> [UInt8] {
        var body = Array(#"{"items":["#.utf8)
        for (index, record) in records.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body += record.json
        }
        return body + [UInt8(ascii: "]")]
    }

    /// PostgreSQL has no NUL in text; a filter with one matches nothing and would be an error there.
    private func word(_ text: Substring?, _ name: String) throws -> String? {
        guard let text else { return nil }
        guard text.utf8.count <= 512, !text.utf8.contains(0) else {
            throw Problem.invalid(name, "at most 512 bytes, none of them 0")
        }
        return String(text)
    }

    private func number(_ text: Substring?, _ name: String, in range: ClosedRange<Int64>) throws -> Int64? {
        guard let text else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw Problem.invalid(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    // MARK: Adding

    private func add(_ request: Request, _ token: TokenStore.Token) async throws -> Response {
        let register = try house().register
        let key = try request.idempotencyKey()
        let body = try await request.jsonBody(limits)
        do {
            let asked = try WithholdingRequest(parsing: body)
            return RecordsRoute.json(try await register.add(asked, by: token, key: key))
        } catch let invalid as WithholdingRequest.Invalid {
            throw Problem.invalidBody(invalid.detail)
        } catch is IdempotencyKeyReused {
            throw Problem.keyReused
        }
    }
}

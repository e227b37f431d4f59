import Hummingbird
import Settlement

/// The reconciliation of agreements for programs: `GET /v1/agreements?outcome=…`, in the order of their import.
struct AgreementsRoute: Sendable {
    static let path = "/v1/agreements"

    let report: AgreementReport

    func list(_ request: Request) async throws -> Response {
        let query = ListQuery(request)
        var filter = AgreementReport.Filter()
        filter.limit = 100
        if let text = query["outcome"] {
            let words = text.split(separator: ",").map { AgreementOutcome(rawValue: String($0)) }
            guard !words.isEmpty, !words.contains(nil) else {
                throw Problem.invalid(
                    "outcome", "one or more of \(AgreementOutcome.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            filter.outcomes = Set(words.compactMap { $0 })
        }
        filter.userID = query["user_id"].map { String($0) }
        filter.agreementID = query["agreement_id"].map { String($0) }
        filter.billKey = query["bill_key"].map { String($0) }
        filter.limit = try query.number("limit", in: 1...1000) ?? filter.limit
        filter.after = try query.number("after", in: 0...Int64.max) ?? 0
        let entries = try await report.list(filter)
        return ListPage.answer(entries.map { ($0.id, $0.json) }, limit: filter.limit, next: "after")
    }
}

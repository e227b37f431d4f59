import Hummingbird
import Settlement

/// The reconciliation of agreements for programs: `GET /v1/agreements?outcome=…`, in the order of their import.
struct AgreementsRoute: Sendable {
    static let path = "/v1/agreements"

    let report: AgreementReport

    func list(_ request: Request) async throws -> Response {
        let query = request.uri.queryParameters
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
        filter.limit = try number(query["limit"], "limit", in: 1...1000) ?? filter.limit
        filter.after = try number(query["after"], "after", in: 0...Int64.max) ?? 0
        let entries = try await report.list(filter)
        var body = Array(#"{"items":["#.utf8)
        for (index, entry) in entries.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body.append(contentsOf: entry.json)
        }
        let next = Int64(entries.count) == filter.limit ? entries.last.map { String($0.id) } : nil
        body.append(contentsOf: Array(#"],"next_after":\#(next ?? "null")}"#.utf8))
        return RecordsRoute.json(body)
    }

    private func number(_ text: Substring?, _ name: String, in range: ClosedRange<Int64>) throws -> Int64? {
        guard let text else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw Problem.invalid(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}

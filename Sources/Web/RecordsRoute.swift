import HTTPTypes
import Hummingbird
import NIOCore
import Settlement

/// Looks settlements up: `GET /v1/settlements/{id}` and `GET /v1/settlements?trade_no=…`.
struct RecordsRoute: Sendable {
    typealias Entrance = (_ methods: String, _ scope: TokenStore.Scope) async throws -> Void

    static let settlements = "/v1/settlements"

    let settlements: SettlementRecords

    func respond(to request: Request, enter: Entrance) async throws -> Response {
        let path = request.uri.path
        if path == Self.settlements {
            try await enter("GET", .read)
            return try await list(request)
        }
        if path.hasPrefix(Self.settlements + "/") {
            try await enter("GET", .read)
            return try await one(String(path.dropFirst(Self.settlements.count + 1)))
        }
        throw Problem.notFound("there is nothing at this path")
    }

    private func one(_ text: String) async throws -> Response {
        guard let id = Int64(text), id > 0 else { throw Problem.notFound("a settlement's id is a number") }
        var filter = SettlementRecords.Filter()
        filter.id = id
        guard let record = try await settlements.list(filter).first else {
            throw Problem.notFound("there is no settlement \(id)")
        }
        return Self.json(record.json)
    }

    private func list(_ request: Request) async throws -> Response {
        var filter = SettlementRecords.Filter()
        let query = ListQuery(request)
        if let text = query["trade_no"] { filter.tradeNo = String(text) }
        if let text = query["bill_entry_id"] { filter.billEntryID = String(text) }
        filter.limit = try query.number("limit", in: 1...1000) ?? 50
        filter.before = try query.number("before", in: 1...Int64.max)
        let records = try await settlements.list(filter)
        return ListPage.answer(records.map { ($0.id, $0.json) }, limit: filter.limit)
    }

    static func json(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

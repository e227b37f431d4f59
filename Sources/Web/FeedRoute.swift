import HTTPTypes
import Hummingbird
import NIOCore
import Settlement

/// `GET /v1/settlements/feed?after=N&limit=L&wait=S`: the settlements in order, none twice, none left out.
///
/// `after` is the last number that the reader has (0 at first), `limit` is 1–1000 (default 100), `wait` is 0–30 seconds
/// (default 0) for which an empty answer is held back. `after_hash`, if given, is the hash that the reader has for item
/// `after`: another one here means that the two have seen different histories, and is answered with 409.
struct FeedRoute: Sendable {
    static let path = "/v1/settlements/feed"

    let reader: FeedReader
    let watch: FeedWatch
    let feed: String

    func respond(to request: Request) async throws -> Response {
        let query = ListQuery(request)
        let after = try query.number("after", in: 0...Int64.max) ?? 0
        let limit = try query.number("limit", in: 1...1000) ?? 100
        let wait = try query.number("wait", in: 0...30) ?? 0
        var afterHash: [UInt8]?
        if let text = query["after_hash"] {
            guard let bytes = Self.hash(String(text)) else {
                throw Problem.invalid("after_hash", "64 hexadecimal digits")
            }
            afterHash = bytes
        }
        let deadline = ContinuousClock.now + .seconds(wait)
        do {
            var page = try await reader.page(of: feed, after: after, limit: limit, afterHash: afterHash)
            while page.count == 0, ContinuousClock.now < deadline {
                await watch.wait(after: max(after, page.head), atMost: deadline - ContinuousClock.now)
                if watch.isClosed { break }
                page = try await reader.page(of: feed, after: after, limit: limit, afterHash: afterHash)
            }
            var body = ByteBufferAllocator().buffer(capacity: page.parts.reduce(0) { $0 + $1.count })
            for part in page.parts { body.writeBytes(part) }
            return Response(
                status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
                body: .init(byteBuffer: body))
        } catch FeedError.forked(let seq) {
            throw Problem(
                status: .conflict, name: "feed-forked", title: "The reader's history is not this feed's",
                detail: "item \(seq) has another hash here: stop, and compare with `settled feed verify`")
        }
    }

    private static func hash(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes
    }
}

import Alipay
import ArgumentParser
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Settlement
import Wire

/// Reads the feed over HTTP as a billing system would.
struct FeedAPI: Sendable {
    private let address: String
    private let token: String

    /// - Parameter url: the server's address; a path that is missing is the feed's.
    init(url: String, token: String) throws {
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw CommandFailure("--url takes an address that begins with http:// or https://", .usage)
        }
        guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw CommandFailure("the token has characters that no token has", .notAuthorised)
        }
        var base = url
        while base.hasSuffix("/") { base.removeLast() }
        address = base.hasSuffix("/feed") ? base : base + "/v1/settlements/feed"
        self.token = token
    }

    func items(after: Int64, wait: Bool) async throws -> [FeedItem] {
        var request = HTTPClientRequest(url: "\(address)?after=\(after)&limit=1000&wait=\(wait ? 20 : 0)")
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        let body: [UInt8]
        let status: UInt
        do {
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(40))
            status = answer.status.code
            body = Array(try await answer.body.collect(upTo: 64 << 20).readableBytesView)
        } catch {
            throw CommandFailure("\(address) cannot be read: \(error)", .dependencyDown)
        }
        guard status == 200 else { throw Self.refusal(status, body) }
        return try Self.items(body)
    }

    private static func refusal(_ status: UInt, _ body: [UInt8]) -> CommandFailure {
        let problem = try? JSONValue(parsing: body)
        let detail = problem?["detail"]?.text ?? problem?["title"]?.text ?? "the server answered \(status)"
        return switch status {
        case 401, 403: CommandFailure(detail, .notAuthorised)
        case 409: CommandFailure(detail, .conflict)
        case 429, 500...599: CommandFailure(detail, .dependencyDown)
        default: CommandFailure("the server answered \(status): \(detail)")
        }
    }

    /// The items of a page; each is written again as it was read, member by member.
    static func items(_ body: [UInt8]) throws -> [FeedItem] {
        guard let page = try? JSONValue(parsing: body), case .array(let items) = page["items"] else {
            throw CommandFailure("the answer is no page of a feed")
        }
        return try items.map { item in
            guard let seq = item["seq"]?.text.flatMap({ Int64($0) }), let payload = item["payload"]?.text,
                let previous = item["prev_hash"]?.text.flatMap(bytes), let hash = item["hash"]?.text.flatMap(bytes)
            else { throw CommandFailure("an item lacks its number, payload or hashes") }
            return FeedItem(
                seq: seq, payload: Array(payload.utf8), previousHash: previous, hash: hash,
                json: Array(JSONLine.written(item).utf8))
        }
    }

    private static func bytes(hex: String) -> [UInt8]? {
        let digits = hex.compactMap(\.hexDigitValue)
        guard digits.count == 64, hex.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

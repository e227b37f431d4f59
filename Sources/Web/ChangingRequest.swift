import HTTPTypes
import Hummingbird
import Settlement

/// What every request that changes something brings: a JSON body, and perhaps a key by which it may be repeated.
extension Request {
    /// Reads the body, has it done once for its key, and answers with what `change` says.
    func change<Asked>(
        _ limits: WebLimits, _ read: ([UInt8]) throws -> Asked,
        _ change: (Asked, _ key: String?) async throws -> [UInt8]
    ) async throws -> Response {
        let key = try idempotencyKey()
        let body = try await jsonBody(limits)
        do {
            return RecordsRoute.json(try await change(try read(body), key))
        } catch let invalid as InvalidRequest {
            throw Problem.invalidBody(invalid.detail)
        } catch is IdempotencyKeyReused {
            throw Problem.keyReused
        }
    }

    /// The bytes of a body that says it is JSON.
    private func jsonBody(_ limits: WebLimits) async throws -> [UInt8] {
        let type = headers[.contentType]?.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
        guard type == "application/json" else { throw Problem.unsupported("application/json") }
        do {
            return try await wholeBody(limits)
        } catch {
            throw Problem.unreadable(error)
        }
    }

    /// `Idempotency-Key`: the same request again gets the same answer, another request with the key is refused.
    private func idempotencyKey() throws -> String? {
        guard let name = HTTPField.Name("Idempotency-Key"), let key = headers[name] else { return nil }
        guard (1...128).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem.invalid("Idempotency-Key", "1 to 128 visible ASCII characters")
        }
        return key
    }
}

extension Problem {
    fileprivate static func invalidBody(_ detail: String) -> Problem {
        Problem(status: .badRequest, name: "invalid-body", title: "The body is not valid", detail: detail)
    }

    fileprivate static let keyReused = Problem(
        status: .unprocessableContent, name: "idempotency-key-reused",
        title: "The key came with another request before",
        detail: "send a new Idempotency-Key with a new request, and the old one only to repeat the old request")

    fileprivate static func unsupported(_ type: String) -> Problem {
        Problem(
            status: .unsupportedMediaType, name: "unsupported-media-type", title: "The body is of another type",
            detail: "expected: \(type)")
    }

    fileprivate static func unreadable(_ refusal: BodyRefusal) -> Problem {
        Problem(
            status: refusal.status, name: refusal.cause.replacing("_", with: "-"), title: "The body was not read",
            detail: "the body is too large, came too slowly, or broke off", headers: [(.connection, "close")])
    }
}

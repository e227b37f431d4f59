import Alipay
import Wire

/// The gateway's front desk: checks every call, sends it to the counter of its method, and words what it refuses. No I/O.
struct GatewayDesk: Sendable {
    let check: GatewayCheck
    let office: AnswerOffice
    let counters: [any GatewayCounter]
    /// Told the `sub_code` of every call that came to nothing.
    let refused: @Sendable (String) -> Void

    func reply(query: [UInt8], body: [UInt8]) throws -> WireReply {
        var request: GatewayRequest
        do throws(GatewayError) {
            request = try check.request(query: query, body: body)
        } catch {
            refused(error.subCode)
            // Nobody knows yet what was asked; the first counter's name stands for it.
            return try office.failure(error, method: counters.first?.method ?? "error", .utf8, .rsa2)
        }
        do {
            guard let counter = counters.first(where: { $0.method == request.method }) else {
                throw GatewayError.invalidMethod
            }
            // A call with an authorisation that does not exist is refused before anything is looked up.
            if let token = request.appAuthToken {
                guard let original = office.seal.original(of: token) else { throw GatewayError.invalidAppAuthToken }
                request.appAuthToken = original
            }
            return try counter.reply(to: request, from: office)
        } catch let error as GatewayError {
            refused(error.subCode)
            return try office.failure(error, request)
        }
    }
}

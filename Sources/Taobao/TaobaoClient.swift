import Wire

/// Asks the Taobao Open Platform. One call, one answer or one failure with its kind; nothing is repeated and nothing thrown.
public struct TaobaoClient: Sendable {
    public let app: TaobaoApp
    private let transport: any GatewayTransport
    private let deadline: Duration
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - deadline: for a whole call, from connecting to the last byte.
    ///   - now: the time in microseconds since 1970.
    public init(
        app: TaobaoApp, transport: any GatewayTransport, deadline: Duration = .seconds(10),
        now: @escaping @Sendable () -> Int64 = SystemClock.microseconds
    ) {
        self.app = app
        self.transport = transport
        self.deadline = deadline
        self.now = now
    }

    /// What became of `order`. The bill names the order that was asked about; one that does not is a failure.
    public func agreementPay(_ order: WithholdingOrder) async -> AgreementPayAnswer {
        let form: SignedForm
        do throws(SigningError) {
            form = try app.sign(AgreementPayQuery.method, param: order.param, timestamp: now() / 1_000_000)
        } catch {
            return .failure(TOPFailure(.operator, cause: "signing", message: error.message))
        }
        let answer: TransportAnswer
        do throws(TransportError) {
            answer = try await transport.post(
                url: app.gateway.url, contentType: SignedForm.contentType, body: form.body, deadline: deadline)
        } catch {
            return .failure(TOPFailure(error))
        }
        return judge(answer, about: order)
    }

    /// What an HTTP answer says about `order`. Pure, apart from the clock that stamps the evidence.
    func judge(_ answer: TransportAnswer, about order: WithholdingOrder) -> AgreementPayAnswer {
        guard answer.status == 200 else {
            let error = TransportError(
                .httpStatus(answer.status, retryAfter: answer.retryAfter), "the gateway answered HTTP \(answer.status)")
            return .failure(TOPFailure(error, rawBody: answer.body))
        }
        let read = AgreementPayAnswer(answer.body, receivedAt: now())
        guard case .bill(let bill, let evidence) = read, !bill.echoes(order) else { return read }
        return .failure(
            TOPFailure(
                .retry, cause: "wrong_echo", message: "the answer does not name the order that was asked about",
                requestID: evidence.requestID, rawBody: answer.body))
    }
}

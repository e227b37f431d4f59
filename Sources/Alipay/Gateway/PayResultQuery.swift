import Wire

/// The query that confirms a payment: alipay.eco.cplife.pay.result.query.
public struct PayResultQuery: Sendable, Hashable {
    public static let method = "alipay.eco.cplife.pay.result.query"

    /// What is known of the payment. Only one of the two is ever sent: which would win is documented nowhere.
    public enum Subject: Sendable, Hashable {
        /// Alipay's number of the trade.
        case tradeNo(String)
        /// The token that some payment modes announce instead.
        case queryToken(String)
    }

    public var subject: Subject
    /// The property company's authorisation of the app, when it acts for one.
    public var appAuthToken: String?

    public init(_ subject: Subject, appAuthToken: String? = nil) {
        self.subject = subject
        self.appAuthToken = appAuthToken
    }

    /// `biz_content`.
    var bizContent: String {
        switch subject {
        case .tradeNo(let number): "{\"trade_no\":\(JSONWriter.string(number))}"
        case .queryToken(let token): "{\"query_token\":\(JSONWriter.string(token))}"
        }
    }
}

/// What asking for a payment brought.
public enum PayResultAnswer: Sendable {
    /// The gateway's signed word. It need not be good: look at the status.
    case known(PayResult, GatewayEvidence)
    case failure(GatewayFailure)
}

extension GatewayClient {
    /// Asks what became of a payment.
    ///
    /// Asked by trade number, the answer must be about that number; another one is a fault of whatever sits between
    /// (`wrong_echo`) and no answer at all.
    public func payResult(_ subject: PayResultQuery.Subject, appAuthToken: String? = nil) async -> PayResultAnswer {
        await payResult(PayResultQuery(subject, appAuthToken: appAuthToken))
    }

    public func payResult(_ query: PayResultQuery) async -> PayResultAnswer {
        let answer = await call(
            PayResultQuery.method, bizContent: query.bizContent, appAuthToken: query.appAuthToken)
        return Self.payResult(answer, to: query.subject)
    }

    static func payResult(_ answer: GatewayAnswer, to subject: PayResultQuery.Subject) -> PayResultAnswer {
        switch answer {
        case .failure(let failure): return .failure(failure)
        case .success(let envelope, let evidence):
            if case .tradeNo(let asked) = subject, envelope.node["trade_no"]?.text != asked {
                return .failure(
                    GatewayFailure(
                        kind: .transport, cause: "wrong_echo", code: envelope.code,
                        message: "the answer is about another trade than the one asked for", signed: true,
                        rawBody: evidence.rawBody))
            }
            let result: PayResult
            do throws(PayResultError) {
                result = try PayResult(node: envelope.node)
            } catch {
                return .failure(
                    GatewayFailure(
                        kind: .malformed, cause: "unreadable_\(error.field)", code: envelope.code,
                        message: error.description, signed: true, rawBody: evidence.rawBody))
            }
            return .known(result, evidence)
        }
    }
}

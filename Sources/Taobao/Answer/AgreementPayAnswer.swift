/// What a call of `alibaba.idle.agreement.pay.query` brought.
public enum AgreementPayAnswer: Sendable, Hashable {
    case bill(AgreementPayBill, TOPEvidence)
    case failure(TOPFailure)

    /// What an answer's body means, before anybody looked whose bill it is. Pure.
    ///
    /// A body that is no answer of TOP's is a fault of the way (retry); an answer that breaks the method's own contract, such
    /// as a detail without a plan, is for a person (permanent).
    init(_ body: [UInt8], receivedAt: Int64) {
        let answer: TOPAnswer
        do throws(AnswerError) {
            answer = try TOPAnswer(body, to: AgreementPayQuery.method)
        } catch {
            self = .failure(TOPFailure(.retry, cause: "no_answer", message: error.description, rawBody: body))
            return
        }
        switch answer {
        case .error(let error): self = .failure(TOPFailure(error, rawBody: body))
        case .result(let result, let requestID):
            self = Self.read(result, TOPEvidence(rawBody: body, requestID: requestID, receivedAt: receivedAt))
        }
    }

    private static func read(_ result: AnswerNode, _ evidence: TOPEvidence) -> AgreementPayAnswer {
        func failure(_ kind: TOPFailure.Kind, _ cause: String, _ message: String) -> AgreementPayAnswer {
            .failure(
                TOPFailure(
                    kind, cause: cause, message: message, requestID: evidence.requestID, rawBody: evidence.rawBody))
        }
        switch result["success"]?.text?.lowercased() {
        case "true": break
        case "false":
            let code = result["err_code"]?.text.flatMap { $0.isEmpty ? nil : $0 } ?? "business_error"
            return failure(.business, code, "the platform refused: \(code) \(result["err_msg"]?.text ?? "")")
        default: return failure(.retry, "no_answer", "the result does not say whether it succeeded")
        }
        guard let module = result["module"], !module.isEmpty else {
            return failure(.retry, "no_answer", "the result succeeded and has no module")
        }
        do throws(AnswerError) {
            return .bill(try AgreementPayBill(module: module), evidence)
        } catch {
            return failure(.permanent, "bad_bill", error.description)
        }
    }
}

/// `alibaba.idle.agreement.pay.query`, 代扣详情查询.
public enum AgreementPayQuery {
    public static let method = "alibaba.idle.agreement.pay.query"
}

/// What an answer is worth: its bytes and when they came. TOP signs nothing, so the assurance is TLS and no more.
public struct TOPEvidence: Sendable, Hashable {
    public var rawBody: [UInt8]
    /// The platform's id of the request, which its support asks for.
    public var requestID: String?
    /// Microseconds since 1970.
    public var receivedAt: Int64

    public init(rawBody: [UInt8], requestID: String? = nil, receivedAt: Int64) {
        self.rawBody = rawBody
        self.requestID = requestID
        self.receivedAt = receivedAt
    }
}

import Wire

/// An agreement as Alipay has it. That it is there means that it is in force: the answer has no status.
public struct Agreement: Sendable, Hashable {
    public var agreementID: String
    public var userID: String
    /// The institution that charges, up to 100 characters.
    public var chargeInst: String
    /// The household's number there; the page calls it optional.
    public var billKey: String?
    /// The number at the institution's side.
    public var outAgreementID: String
    /// When it was signed, as written; usually `yyyy-MM-dd HH:mm:ss` in China's time.
    public var signDate: String

    public init(
        agreementID: String, userID: String, chargeInst: String, billKey: String?, outAgreementID: String,
        signDate: String
    ) {
        self.agreementID = agreementID
        self.userID = userID
        self.chargeInst = chargeInst
        self.billKey = billKey
        self.outAgreementID = outAgreementID
        self.signDate = signDate
    }
}

/// What asking for an agreement brought.
public enum AgreementAnswer: Sendable {
    /// The gateway's signed word: the agreement is in force.
    case inForce(Agreement, GatewayEvidence)
    /// The gateway's signed word: there is none (DEDUCT_SIGN_INFO_NOT_EXIST). Without a signature it is a failure like others.
    case missing(GatewayFailure)
    case failure(GatewayFailure)
}

extension GatewayClient {
    /// Asks whether an agreement is in force.
    ///
    /// The answer must name the user, and the agreement or household, that was asked about; any other is a fault of
    /// whatever sits between (`wrong_echo`) and no answer at all.
    public func agreement(_ query: AgreementQuery) async -> AgreementAnswer {
        Self.agreement(await call(AgreementQuery.method, bizContent: query.bizContent), to: query)
    }

    static func agreement(_ answer: GatewayAnswer, to query: AgreementQuery) -> AgreementAnswer {
        switch answer {
        case .failure(let failure):
            // Unsigned it proves nothing, and is what the table makes of any failure of unknown reason: asked again.
            return failure.signed && failure.subCode == AgreementQuery.notExisting
                ? .missing(failure) : .failure(failure)
        case .success(let envelope, let evidence):
            let agreement: Agreement
            do throws(AgreementAnswerError) {
                agreement = try Agreement(node: envelope.node)
            } catch {
                return .failure(
                    GatewayFailure(
                        kind: .malformed, cause: "unreadable_\(error.field)", code: envelope.code,
                        message: error.description, signed: true, rawBody: evidence.rawBody))
            }
            guard query.isAnswered(by: agreement) else {
                return .failure(
                    GatewayFailure(
                        kind: .transport, cause: "wrong_echo", code: envelope.code,
                        message: "the answer is about another agreement than the one asked for", signed: true,
                        rawBody: evidence.rawBody))
            }
            return .inForce(agreement, evidence)
        }
    }
}

extension AgreementQuery {
    /// Whether `agreement` is what was asked about.
    func isAnswered(by agreement: Agreement) -> Bool {
        guard agreement.userID == userID else { return false }
        switch subject {
        case .agreementID(let id): return agreement.agreementID == id
        case .bill(_, _, let chargeInst, let billKey):
            return agreement.chargeInst == chargeInst && agreement.billKey.map { $0 == billKey } ?? true
        }
    }
}

extension Agreement {
    init(node: JSONObject) throws(AgreementAnswerError) {
        self.init(
            agreementID: try Self.text("agreement_id", in: node, 32), userID: try Self.text("user_id", in: node, 16),
            chargeInst: try Self.text("charge_inst", in: node, 100),
            billKey: try Self.optional("bill_key", in: node, 50),
            outAgreementID: try Self.text("out_agreement_id", in: node, 50),
            signDate: try Self.text("sign_date", in: node, 50))
    }

    private static func text(_ field: String, in node: JSONObject, _ limit: Int) throws(AgreementAnswerError) -> String
    {
        guard let text = try optional(field, in: node, limit) else { throw AgreementAnswerError(field: field) }
        return text
    }

    /// Nil when absent, null or empty; a number answers with its digits. NUL and containers are errors.
    private static func optional(
        _ field: String, in node: JSONObject, _ limit: Int
    ) throws(AgreementAnswerError) -> String? {
        switch node[field] {
        case nil, .null?: return nil
        case .string(let text)?, .number(let text)?:
            guard !text.utf8.contains(0), text.unicodeScalars.count <= limit else {
                throw AgreementAnswerError(field: field)
            }
            return text.isEmpty ? nil : text
        case .bool?, .array?, .object?: throw AgreementAnswerError(field: field)
        }
    }
}

/// A signed answer whose field is missing, too long or not a text.
struct AgreementAnswerError: Error, Sendable, Hashable, CustomStringConvertible {
    let field: String

    var description: String { "the signed answer's \(field) is missing, too long or not a text" }
}

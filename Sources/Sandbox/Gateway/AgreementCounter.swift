import Alipay
import Wire

/// The counter of `alipay.ebpp.pdeduct.sign.query`: looks an agreement up, in either of the page's two ways.
struct AgreementCounter: GatewayCounter {
    let method = "alipay.ebpp.pdeduct.sign.query"
    let book: AgreementBook

    /// `biz_content`, by the names of the wire.
    struct Question: Decodable {
        var user_id: String
        var agreement_id: String?
        var biz_type: String?
        var sub_biz_type: String?
        var charge_inst: String?
        var bill_key: String?

        /// All four, or none.
        var bill: [String]? {
            guard let biz_type, let sub_biz_type, let charge_inst, let bill_key else { return nil }
            return [biz_type, sub_biz_type, charge_inst, bill_key]
        }
    }

    func reply(to request: GatewayRequest, from office: AnswerOffice) throws -> WireReply {
        let question = try request.content(as: Question.self)
        guard !question.user_id.isEmpty, question.agreement_id != nil || question.bill != nil else {
            throw GatewayError.illegalParameter
        }
        let (agreement, fault) = book.ask(question)
        switch fault {
        case nil: break
        case .failure(let code, let subCode, let signed)?:
            return try office.failure(
                GatewayError(code: code, subCode: subCode, subMessage: subCode, isSigned: signed), request)
        case .unknownError(let signed, let gbk)?:
            let charset = gbk ? Charset.gbk : request.charset
            return try office.failure(
                .unknownError(signed: signed), method: method, charset, request.algorithm)
        case .unsignedSuccess?:
            guard let agreement else { break }
            return try office.reply(
                office.envelope(request).unsigned(Self.node(agreement), method: method), request.charset)
        case .foreignSignature?:
            guard let agreement else { break }
            return try office.reply(
                office.envelope(request, key: office.strangerKey).signed(Self.node(agreement), method: method),
                request.charset)
        case .wrongTrade?:
            guard let other = book.another(than: agreement?.agreementID) else { break }
            return try office.answer(Self.node(other), to: request)
        case .status(let status)?: return .page(status)
        case .reset?: return WireReply(delivery: .reset)
        case .empty?: return office.reply([], request.charset)
        case .page?: return .page(200)
        case .halfBody?:
            guard let agreement else { break }
            var half = try office.answer(Self.node(agreement), to: request)
            half.delivery = .cut(after: half.body.count / 2)
            return half
        default: return try office.failure(.systemError, request)
        }
        guard let agreement else { return try office.failure(.noAgreement, request) }
        return try office.answer(Self.node(agreement), to: request)
    }

    private static func node(_ agreement: SandboxAgreement) -> String {
        AnswerText.object(
            [
                ("code", .string("10000")), ("msg", .string("Success")),
                ("agreement_id", .string(agreement.agreementID)), ("charge_inst", .string(agreement.chargeInst)),
                ("user_id", .string(agreement.userID)), ("sign_date", .string(agreement.signDate)),
                ("out_agreement_id", .string(agreement.outAgreementID)),
            ] + (agreement.billKey.map { [("bill_key", .string($0))] } ?? [])
        ).written(.plain)
    }
}

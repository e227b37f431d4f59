import Sandbox
import Settlement

extension DocumentedError {
    /// The errors of `alipay.ebpp.pdeduct.sign.query`: its own four, those of the gateway in front of it, and answers that
    /// prove nothing.
    static let agreementQuery: [DocumentedError] = {
        func error(
            _ code: String, _ subCode: String, _ ending: Ending, signed: Bool = true, calls: Int = 1
        ) -> DocumentedError {
            fault(
                "\(code) \(subCode)\(signed ? "" : " (unsigned)")",
                .failure(code: code, subCode: subCode, signed: signed), ending, calls: calls)
        }
        func fault(_ name: String, _ fault: GatewayFault, _ ending: Ending, calls: Int = 1) -> DocumentedError {
            DocumentedError(
                api: "pdeduct.sign.query", name: name, fault: .agreement(fault), calls: calls, ending: ending)
        }
        let equal = Ending.concludes(AgreementOutcome.equal.rawValue)
        let missing = Ending.concludes(AgreementOutcome.missingAtAlipay.rawValue)
        let undecided = Ending.concludes(AgreementOutcome.undecided.rawValue)
        return [
            error("40004", "SYSTEM_ERROR", equal),
            error("40004", "QUERY_DEDUCT_SIGN_INFO_ERROR", equal),
            error("40004", "DEDUCT_SIGN_INFO_NOT_EXIST", missing, calls: .max),
            error("40004", "DEDUCT_SIGN_INFO_NOT_EXIST", equal, signed: false),
            error("40004", "DEDUCT_SIGN_INFO_NOT_EXIST", .retries, signed: false, calls: .max),
            error("40004", "PARAMETER_ILLEGAL", undecided, calls: .max),
            error("20000", "isp.unknow-error", equal),
            error("20000", "isp.unknow-error", equal, signed: false),
            fault("20000 isp.unknow-error in GBK (unsigned)", .unknownError(signed: false, gbk: true), equal),
            error("20001", "aop.invalid-app-auth-token", .waits, calls: .max),
            error("40002", "isv.invalid-signature", .waits, signed: false, calls: .max),
            error("40002", "isv.invalid-method", .waits, calls: .max),
            error("40002", "isv.invalid-parameter", undecided, calls: .max),
            error("40005", "isv.app-call-limited", .waits),
            error("40006", "isv.insufficient-isv-permissions", .waits, calls: .max),
            fault("success without sign", .unsignedSuccess, equal),
            fault("success signed by another key", .foreignSignature, equal),
            fault("success about another user's agreement", .wrongTrade, equal),
            fault("HTTP 500", .status(500), equal),
            fault("HTTP 301 to elsewhere", .status(301), equal),
            fault("HTTP 200 with a page of HTML", .page, equal),
            fault("HTTP 200 with nothing", .empty, equal),
            fault("half an answer, then the end", .halfBody, equal),
            fault("connection reset", .reset, equal),
        ]
    }()
}

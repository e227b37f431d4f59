import Sandbox

/// One error of the documents, and what the program must do about it.
struct DocumentedError: Sendable, Hashable {
    /// What the program must do about it.
    enum Ending: Sendable, Hashable {
        /// Asked again until the answer is good.
        case settles
        /// Asked again when the gateway says so, or when somebody has mended the cause; no attempt is spent.
        case waits
        /// Ends for good, with a cause that a person can see.
        case fails
        /// Stops for a person.
        case quarantines
        /// Ends with this outcome, and nothing is settled: the word of a comparison.
        case concludes(String)
        /// Tried again, each time at the price of an attempt, while the error lasts.
        case retries
    }

    /// Who plays it, and how.
    enum Fault: Sendable, Hashable {
        case alipay(GatewayFault)
        case agreement(GatewayFault)
        case top(TOPFault)
    }

    let api: String
    let name: String
    let fault: Fault
    /// For how many calls it lasts.
    let calls: Int
    let ending: Ending
}

extension DocumentedError {
    /// The errors of `alipay.eco.cplife.pay.result.query`: its own, and those of the gateway in front of it.
    static let payResult: [DocumentedError] = {
        func error(
            _ code: String, _ subCode: String, _ ending: Ending, signed: Bool = true, calls: Int = 1
        ) -> DocumentedError {
            DocumentedError(
                api: "pay.result.query", name: "\(code) \(subCode)\(signed ? "" : " (unsigned)")",
                fault: .alipay(.failure(code: code, subCode: subCode, signed: signed)), calls: calls, ending: ending)
        }
        func fault(_ name: String, _ fault: GatewayFault, _ ending: Ending, calls: Int = 1) -> DocumentedError {
            DocumentedError(
                api: "pay.result.query", name: name, fault: .alipay(fault), calls: calls, ending: ending)
        }
        return [
            error("40004", "INVALID_PARAMETER", .fails, calls: .max),
            error("40004", "SYSTEM_ERROR", .settles),
            error("40004", "PAY_INFO_NOT_EXISTING", .settles),
            error("40004", "PAY_INFO_NOT_EXISTING", .retries, calls: .max),
            error("40004", "PAY_INFO_BELONGING_TO_OTHERS", .quarantines, calls: .max),
            error("40004", "PAY_INFO_BELONGING_TO_OTHERS", .retries, signed: false, calls: .max),
            error("20000", "isp.unknow-error", .settles),
            error("20000", "isp.unknow-error", .settles, signed: false),
            fault("20000 isp.unknow-error in GBK (unsigned)", .unknownError(signed: false, gbk: true), .settles),
            error("20001", "aop.invalid-app-auth-token", .waits, calls: .max),
            error("20001", "aop.app-auth-token-time-out", .waits, calls: .max),
            error("20001", "aop.no-product-reg-by-partner", .waits, calls: .max),
            error("40001", "isv.missing-signature", .waits, signed: false, calls: .max),
            error("40001", "isv.missing-app-id", .waits, signed: false, calls: .max),
            error("40002", "isv.invalid-signature", .waits, signed: false, calls: .max),
            error("40002", "isv.invalid-app-id", .waits, signed: false, calls: .max),
            error("40002", "isv.invalid-timestamp", .waits, calls: .max),
            error("40002", "isv.app-cert-expired", .waits, calls: .max),
            error("40002", "isv.invalid-method", .waits, calls: .max),
            error("40002", "isv.invalid-encrypt", .settles),
            error("40002", "isv.invalid-parameter", .fails, calls: .max),
            error("40002", "isv.illegal-json", .fails, calls: .max),
            error("40003", "isv.invalid-auth-relations", .waits, calls: .max),
            error("40005", "isv.app-call-limited", .waits),
            error("40005", "isv.method-call-limited", .waits),
            error("40006", "isv.insufficient-isv-permissions", .waits, calls: .max),
            error("49999", "isv.something-new", .settles),
            fault("success without sign", .unsignedSuccess, .settles),
            fault("success signed by another key", .foreignSignature, .settles),
            fault("success about another trade", .wrongTrade, .settles),
            fault("two response nodes", .secondNode, .settles),
            fault("HTTP 500", .status(500), .settles),
            fault("HTTP 429 with Retry-After", .status(429), .settles),
            fault("HTTP 301 to elsewhere", .status(301), .settles),
            fault("HTTP 200 with a page of HTML", .page, .settles),
            fault("HTTP 200 with nothing", .empty, .settles),
            fault("half an answer, then the end", .halfBody, .settles),
            fault("connection reset", .reset, .settles),
        ]
    }()
}

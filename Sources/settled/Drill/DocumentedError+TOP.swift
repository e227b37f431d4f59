import Sandbox

extension DocumentedError {
    /// The errors of `alibaba.idle.agreement.pay.query`: those of Taobao's platform in front of it, its own refusal, and
    /// answers that are none.
    static let agreementPay: [DocumentedError] = {
        func error(_ refusal: TOPRefusal, _ ending: Ending, calls: Int = 1) -> DocumentedError {
            let words = [String(refusal.code), refusal.subCode].compactMap { $0 }
            return fault(words.joined(separator: " "), .error(refusal), ending, calls: calls)
        }
        func fault(_ name: String, _ fault: TOPFault, _ ending: Ending, calls: Int = 1) -> DocumentedError {
            DocumentedError(api: "agreement.pay.query", name: name, fault: .top(fault), calls: calls, ending: ending)
        }
        return [
            error(.callLimited(seconds: 600), .waits, calls: .max),
            error(.dailyQuota(seconds: 31_415), .waits, calls: .max),
            error(.unavailable, .settles),
            error(.noPermission, .waits, calls: .max),
            error(.noUserPermission, .waits, calls: .max),
            error(.noPartnerPermission, .waits, calls: .max),
            error(.remoteTimeout, .settles),
            error(.remoteParameter, .quarantines, calls: .max),
            error(.missingMethod, .quarantines, calls: .max),
            error(.invalidMethod, .quarantines, calls: .max),
            error(.invalidFormat, .quarantines, calls: .max),
            error(.missingSignature, .waits, calls: .max),
            error(.invalidSignature, .waits, calls: .max),
            error(.missingSession, .waits, calls: .max),
            error(.invalidSession, .waits, calls: .max),
            error(.missingAppKey, .waits, calls: .max),
            error(.invalidAppKey, .waits, calls: .max),
            error(.missingTimestamp, .waits, calls: .max),
            error(.invalidTimestamp, .waits, calls: .max),
            error(.invalidTimestamp, .settles),
            error(.missingVersion, .quarantines, calls: .max),
            error(.invalidVersion, .quarantines, calls: .max),
            error(.unsupportedVersion, .quarantines, calls: .max),
            error(.missingArguments, .quarantines, calls: .max),
            error(.invalidArguments, .quarantines, calls: .max),
            error(.forbidden, .quarantines, calls: .max),
            error(.parameterError, .quarantines, calls: .max),
            error(.invalidToken, .waits, calls: .max),
            error(.business, .quarantines, calls: .max),
            fault("success=false ORDER_NOT_EXIST", .businessError("ORDER_NOT_EXIST"), .settles),
            fault("success=false ORDER_NOT_EXIST", .businessError("ORDER_NOT_EXIST"), .retries, calls: .max),
            fault("another order's answer", .wrongOrder, .settles),
            fault("an answer that names no order", .missingEcho, .settles),
            fault("XML with a document type", .doctype, .settles),
            fault("HTTP 502", .page(502), .settles),
            fault("HTTP 302 to elsewhere", .page(302), .settles),
            fault("HTTP 200 with nothing", .empty, .settles),
            fault("half an answer, then the end", .half, .settles),
            fault("connection reset", .reset, .settles),
        ]
    }()
}

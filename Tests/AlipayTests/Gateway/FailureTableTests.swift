import Testing

@testable import Alipay

@Suite struct FailureTableTests {
    @Test(
        arguments: [
            // The sub_code decides, wherever it stands.
            ("40004", "PAY_INFO_NOT_EXISTING", .notExisting),
            ("40004", "PAY_INFO_BELONGING_TO_OTHERS", .belongsToOthers),
            ("40004", "SYSTEM_ERROR", .retry), ("40004", "ACQ.SYSTEM_ERROR", .retry),
            ("40004", "AQC.SYSTEM_ERROR", .retry),
            ("40004", "aop.ACQ.SYSTEM_ERROR", .retry),
            ("40004", "INVALID_PARAMETER", .permanent), ("40004", "INVAILID_ARGUMENTS", .permanent),
            ("40004", "isv.app-call-limited", .throttle), ("40005", "isv.method-call-limited", .throttle),
            ("20000", "isp.unknow-error", .retry), ("20000", "isp.unknown-error", .retry),
            ("20000", "aop.unknow-error", .retry),
            ("20001", "aop.invalid-app-auth-token", .operator), ("40002", "isv.invalid-signature", .operator),
            ("40003", "isv.missing-signature-config", .operator), ("40002", "isv.missing-signature-config", .operator),
            ("40002", "isv.decryption-error-unknown", .operator),
            ("40002", "isv.decryption-error-not-valid-key", .operator),
            ("40002", "isv.invalid-timestamp", .operator), ("40002", "isv.invalid-method", .operator),
            ("40002", "isv.invalid-encrypt", .retry), ("40002", "isv.invalid-encrypt-type", .operator),
            ("40002", "isv.invalid-parameter", .permanent), ("40002", "isv.invalid-file-size", .permanent),
            ("40006", "isv.insufficient-isv-permissions", .operator),
            // Loosely.
            ("40004", "pay_info_not_existing", .notExisting), ("40004", "ACQ.PAY_INFO_NOT_EXISTING", .notExisting),
            ("40004", "acq.system_error", .retry), ("40002", "ISV.INVALID-SIGNATURE", .operator),
            ("40002", "isv.Decryption-Error-Whatever", .operator),
            // Unknown: the code's row.
            ("40002", "isv.code-invalid", .permanent), ("40001", "isv.missing-something-new", .operator),
            ("20000", "x", .retry), ("40004", "PAY_INFO_SOMETHING_NEW", .retry), ("40004", nil, .retry),
            ("40004", "", .retry),
            ("40003", nil, .operator), ("40005", nil, .throttle), ("40006", "", .operator), ("20001", "new", .operator),
            ("10003", nil, .pending), ("20000", nil, .retry),
            // Unknown altogether, and a success that contradicts itself.
            ("99999", nil, .retry), (nil, nil, .retry), (nil, "whatever", .retry), ("10000", "whatever", .retry),
            ("", "", .retry),
        ] as [(String?, String?, FailureClass)])
    func `a failure has its class`(code: String?, subCode: String?, kind: FailureClass) {
        #expect(FailureTable.classify(code: code, subCode: subCode) == kind)
    }

    @Test func `no row of the table is written twice or says two things when read loosely`() {
        #expect(Set(FailureTable.subCodes.map(\.subCode)).count == FailureTable.subCodes.count)
        for (subCode, kind) in FailureTable.subCodes {
            let asked = subCode.hasSuffix("*") ? subCode.dropLast() + "x" : subCode[...]
            #expect(FailureTable.classify(code: "0", subCode: String(asked)) == kind)
            #expect(FailureTable.classify(code: "0", subCode: asked.uppercased()) == kind)
        }
    }

    @Test func `no failure of the gateway is ever taken for an answer`() {
        let told = Set(FailureTable.subCodes.map(\.kind)).union(FailureTable.codes.values)
        #expect(told.isDisjoint(with: [.transport, .untrusted, .malformed]))
        #expect(FailureTable.codes["10000"] == nil)
    }
}

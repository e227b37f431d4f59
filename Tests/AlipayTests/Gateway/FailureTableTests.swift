import Foundation
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

    /// The documented codes, row by row, as the API pages and Alipay's public lists have them: the code under which a
    /// sub_code is usually found, and what it asks for.
    static let documented: [(code: String, subCodes: [String], kind: FailureClass, isMerchants: Bool)] = [
        ("20000", ["isp.unknow-error", "isp.unknown-error", "aop.unknow-error", "aop.unknown-error"], .retry, false),
        (
            "20001",
            [
                "aop.invalid-auth-token", "aop.auth-token-time-out", "aop.invalid-app-auth-token",
                "aop.invalid-app-auth-token-no-api", "aop.app-auth-token-time-out", "aop.no-product-reg-by-partner",
            ], .operator, true
        ),
        (
            "40001",
            [
                "isv.missing-method", "isv.missing-signature", "isv.missing-signature-type",
                "isv.missing-signature-key", "isv.missing-app-id", "isv.missing-timestamp", "isv.missing-version",
                "isv.decryption-error-missing-encrypt-type",
            ], .operator, false
        ),
        (
            "40002",
            [
                "isv.invalid-signature", "isv.invalid-signature-type", "isv.missing-signature-config",
                "isv.invalid-app-id", "isv.invalid-encrypt-type", "isv.decryption-error-not-valid-key",
                "isv.decryption-error-unknown", "isv.app-cert-expired", "isv.app-cert-not-exist",
                "isv.missing-app-cert-sn", "isv.missing-alipay-root-cert-sn", "isv.invalid-alipay-root-cert-sn",
                "isv.not-online-app", "isv.invalid-charset", "isv.invalid-digest", "isv.invalid-method",
                "isv.forbidden-api", "isv.not-support-app-auth", "isv.invalid-timestamp",
            ], .operator, false
        ),
        ("40002", ["isv.invalid-encrypt"], .retry, false),
        (
            "40002",
            [
                "isv.invalid-parameter", "isv.invalid-format", "isv.illegal-json", "isv.invalid-content-type",
                "isv.suspected-attack", "isv.upload-fail", "isv.invalid-file-extension", "isv.invalid-file-size",
            ], .permanent, false
        ),
        ("40003", ["isv.invalid-auth-relations", "isv.missing-signature-config"], .operator, false),
        (
            "40004", ["INVALID_PARAMETER", "PARAMETER_ILLEGAL", "INVALID_ARGUMENTS", "INVAILID_ARGUMENTS"], .permanent,
            false
        ),
        (
            "40004",
            [
                "SYSTEM_ERROR", "QUERY_DEDUCT_SIGN_INFO_ERROR", "ACQ.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR",
                "AQC.SYSTEM_ERROR",
            ], .retry, false
        ),
        ("40004", ["PAY_INFO_NOT_EXISTING", "DEDUCT_SIGN_INFO_NOT_EXIST"], .notExisting, false),
        ("40004", ["PAY_INFO_BELONGING_TO_OTHERS"], .belongsToOthers, false),
        ("40005", ["isv.app-call-limited", "isv.method-call-limited"], .throttle, false),
        (
            "40006",
            [
                "isv.insufficient-isv-permissions", "isv.insufficient-user-permissions", "isv.self-invoke-forbidden",
            ], .operator, false
        ),
    ]

    /// Ways in which the same sub_code has been seen to be written.
    private static func spellings(_ subCode: String) -> [String] {
        let bare = ["aop.", "ACQ."].reduce(subCode) { $0.hasPrefix($1) ? String($0.dropFirst($1.count)) : $0 }
        return [
            subCode, subCode.uppercased(), subCode.lowercased(), bare, "ACQ." + bare, "aop." + bare, "AOP.ACQ." + bare,
        ]
    }

    @Test(arguments: documented)
    func `every documented sub_code has its class and its scope, however it is spelt and under whatever code`(
        row: (code: String, subCodes: [String], kind: FailureClass, isMerchants: Bool)
    ) {
        for subCode in row.subCodes {
            for spelling in Self.spellings(subCode) {
                for code in [row.code, "40004", "20000", "99999", nil] {
                    #expect(
                        FailureTable.classify(code: code, subCode: spelling) == row.kind,
                        "\(code ?? "-") \(spelling)")
                    #expect(
                        FailureTable.concernsMerchant(code: code, subCode: spelling) == row.isMerchants,
                        "\(code ?? "-") \(spelling)")
                }
            }
        }
    }

    @Test func `the table has no row that is not documented, and no documented one is missing`() {
        let documented = Set(Self.documented.flatMap(\.subCodes))
        for (subCode, _) in FailureTable.subCodes {
            let isThere =
                subCode.hasSuffix("*")
                ? documented.contains { $0.hasPrefix(subCode.dropLast()) } : documented.contains(subCode)
            #expect(isThere, "\(subCode)")
        }
        let written = FailureTable.subCodes.map(\.subCode)
        for subCode in documented {
            #expect(
                written.contains(subCode)
                    || written.contains { $0.hasSuffix("*") && subCode.hasPrefix($0.dropLast()) }, "\(subCode)")
        }
    }

    @Test(arguments: ["docs/gateways.md", "docs/zh-CN/gateways.md"])
    func `the documentation has every row`(name: String) throws {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        for (subCode, _) in FailureTable.subCodes { #expect(text.contains("`\(subCode)`"), "\(subCode)") }
        for code in FailureTable.codes.keys { #expect(text.contains(code), "\(code)") }
    }

    @Test(arguments: [
        ("10003", FailureClass.pending, false), ("20000", .retry, false), ("20001", .operator, true),
        ("40001", .operator, false), ("40002", .permanent, false), ("40003", .operator, false),
        ("40004", .retry, false), ("40005", .throttle, false), ("40006", .operator, false), ("49999", .retry, false),
    ])
    func `a code decides where the sub_code is missing or new`(code: String, kind: FailureClass, isMerchants: Bool) {
        for subCode in [nil, "", "isv.something-new", "SOMETHING_NEW"] {
            #expect(FailureTable.classify(code: code, subCode: subCode) == kind)
            #expect(FailureTable.concernsMerchant(code: code, subCode: subCode) == isMerchants)
        }
        #expect(FailureTable.codes[code] == (code == "49999" ? nil : kind))
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

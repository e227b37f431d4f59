import Alipay
import Foundation
import Sandbox
import TestSupport
import Testing
import Wire

@testable import settled

/// `settled sign doctor` with files, a configuration and a database, as a person would run it.
@Suite("settled sign doctor", .database) struct SignDoctorTests {
    /// Keys and bodies, made once.
    struct Good: Sendable {
        let alipay: PrivateKey
        let app: PrivateKey

        static let made = Result { Good(alipay: try .generate(), app: try .generate()) }

        /// A signed notification whose values have quotes and a person.
        func body(signedBy key: PrivateKey? = nil) throws -> String {
            let parameters: [(String, String)] = [
                ("trade_no", "2026112022001400000000000001"), ("total_amount", "10.21"), ("charset", "utf-8"),
                ("fund_bill_list", "[{\"amount\":\"10.21\"}]"), ("sign_type", "RSA2"),
                ("buyer_user_id", "2088123456789012"), ("body", "R1|C1|七号楼\"101\""),
            ]
            let encoded = FormBody.encode(parameters.map { (Array($0.0.utf8), Array($0.1.utf8)) })
            let content = CanonicalForm.v2.signedContent(of: try FormBody(parsing: encoded))
            let sign = Base64.encode(try (key ?? alipay).sign(content, with: .rsa2))
            return String(
                decoding: encoded + Array("&".utf8) + FormBody.encode([(Array("sign".utf8), Array(sign.utf8))]),
                as: UTF8.self)
        }

        /// The same as a filter against cross-site scripting lets it through.
        func escaped() throws -> String { try body().replacing("%22", with: "%26quot%3B") }
    }

    private static func folder(_ files: [String: String] = [:]) throws -> SettingsFolder {
        let good = try Good.made.get()
        return try SettingsFolder(
            [
                "app.pem": try good.app.pemPKCS8, "alipay.pem": try good.alipay.publicKey.pem,
                "good.body": try good.body(), "escaped.body": try good.escaped(),
                "settled.yaml": """
                apps: [{ id: "2021000000000001", private_key_file: app.pem, alipay_public_key_file: alipay.pem }]
                sources: [{ name: cplife }, { name: trades, profile: trade }]

                """,
            ].merging(files) { $1 })
    }

    private static func doctor(_ folder: SettingsFolder, _ arguments: String...) async throws -> ProgramRun {
        try await ProgramRun.settled(
            arguments: ["sign", "doctor", "--config", folder.path + "/settled.yaml"]
                + arguments.map { $0.replacing("@", with: folder.path + "/") })
    }

    @Test func `what verifies ends with 0 and says by which key`() async throws {
        let folder = try Self.folder()
        let run = try await Self.doctor(folder, "@good.body", "--source", "cplife")
        #expect(run.exitCode == 0, "\(run.errors)")
        #expect(run.output.contains("verifies as it is") && run.output.contains("alipay_public_key"))
        let byFile = try await Self.doctor(folder, "@good.body", "--alipay-public-key", "@alipay.pem")
        #expect(byFile.exitCode == 0)
    }

    @Test func `a corruption ends with 6, its name, what to do, and both signed texts`() async throws {
        let folder = try Self.folder()
        let run = try await Self.doctor(folder, "@escaped.body", "--source", "cplife")
        #expect(run.exitCode == 6, "\(run.errors)")
        #expect(run.output.contains("html_escaped") && run.output.contains("Exempt the notification path"))
        #expect(run.lines.contains("- fund_bill_list=[{&quot;amount&quot;:&quot;10.21&quot;}]"))
        #expect(run.lines.contains("+ fund_bill_list=[{\"amount\":\"10.21\"}]"))
        // No terminal is there, so nothing is coloured.
        #expect(!run.output.contains("\u{1B}"))
    }

    @Test func `--json is one object with the finding, its place and the difference`() async throws {
        let folder = try Self.folder()
        let run = try await Self.doctor(folder, "@escaped.body", "--source", "cplife", "--json")
        #expect(run.exitCode == 6)
        let object = try #require(try run.objects().first)
        #expect(try run.objects().count == 1)
        #expect(object["verdict"] as? String == "explained")
        #expect(object["cause"] as? String == "bad_signature")
        #expect(object["signer"] as? String == "alipay")
        let finding = try #require((object["findings"] as? [[String: Any]])?.first)
        #expect(finding["name"] as? String == "html_escaped")
        #expect(finding["places"] as? [String] == ["body", "fund_bill_list"])
        #expect((object["difference"] as? [Any])?.count == 4)
    }

    @Test func `the other profile, our own key and a forgery are told apart`() async throws {
        let folder = try Self.folder()
        let other = try await Self.doctor(folder, "@good.body", "--source", "trades")
        #expect(other.exitCode == 6 && other.output.contains("signed_v2"))
        let own = try Good.made.get().body(signedBy: Good.made.get().app)
        let ours = try await Self.doctor(folder, "--body", own, "--source", "cplife")
        #expect(ours.exitCode == 6 && ours.output.contains("signed_by_own_key"))
        let forged = try Good.made.get().body().replacing("10.21", with: "10.22")
        let nothing = try await Self.doctor(folder, "--body", forged, "--source", "cplife")
        #expect(nothing.exitCode == 1)
        #expect(nothing.output.contains("tried:") && nothing.output.contains("lost_plus"))
    }

    @Test func `our own public key in the place of Alipay's is named, though the program refuses to start with it`()
        async throws
    {
        let own = try Good.made.get().app.publicKey.pem
        let folder = try Self.folder(["alipay.pem": own])
        let run = try await Self.doctor(folder, "@good.body", "--source", "cplife")
        #expect(run.exitCode == 6)
        #expect(run.output.contains("own_key_in_place") && run.output.contains("支付宝公钥"))
        #expect(run.errors.contains("the program refuses to start with apps[0].alipay_public_key"))
    }

    @Test func `every configured key of every app is tried, certificates and earlier keys too`() async throws {
        let good = try Good.made.get()
        let (certified, earlier) = (try PrivateKey.generate(), try PrivateKey.generate())
        let authority = try SandboxAuthority()
        let folder = try Self.folder([
            "alipay.crt": try authority.certificate(of: certified, named: "Alipay", serial: 7),
            "app.crt": try authority.certificate(of: good.app, named: "app", serial: 8), "root.crt": authority.bundle,
            "earlier.pem": try earlier.publicKey.pem, "broken.pem": "nothing",
            "settled.yaml": """
            apps:
              - id: "2021000000000001"
                private_key_file: app.pem
                alipay_public_key_file: alipay.pem
                alipay_previous_public_key_file: earlier.pem
              - id: "2021000000000002"
                private_key_file: app.pem
                app_cert_file: app.crt
                alipay_cert_file: alipay.crt
                alipay_root_cert_file: root.crt
              - { id: "2021000000000003", private_key_file: app.pem, alipay_public_key_file: broken.pem }
            sources: [{ name: first, app: "2021000000000001" }, { name: second, app: "2021000000000002" }]

            """,
        ])
        let cases: [(PrivateKey, String, Int32, String)] = [
            (earlier, "first", 0, "alipay_previous_public_key"), (certified, "second", 0, "alipay_cert"),
            (certified, "first", 6, "other_apps_key"), (earlier, "second", 6, "other_apps_key"),
            (good.app, "second", 6, "signed_by_own_key"),
        ]
        for (key, source, code, says) in cases {
            let run = try await Self.doctor(folder, "--body", try good.body(signedBy: key), "--source", source)
            #expect(run.exitCode == code, "\(source): \(run.output)\(run.errors)")
            #expect(run.output.contains(says), "\(source): \(run.output)")
            #expect(run.errors.contains("apps[2].alipay_public_key"), "what cannot be read is said")
        }
    }

    @Test func `keys that cannot be read end with 78, and a wrong command line with 2`() async throws {
        let folder = try Self.folder(["alipay.pem": "nothing"])
        #expect(try await Self.doctor(folder, "@good.body", "--source", "cplife").exitCode == 78)
        #expect(try await Self.doctor(folder, "@good.body", "--alipay-public-key", "@alipay.pem").exitCode == 78)
        #expect(try await Self.doctor(folder, "@good.body", "--alipay-public-key", "@app.pem").exitCode == 78)
        let cases = [
            [], ["@good.body", "--body", "a=1"], ["@good.body", "--reveal"], ["@nothing.body"], ["@good.body"],
            ["@good.body", "--app-key", "@app.pem"], ["--notification", "xyz"],
            ["@good.body", "--source", "cplife", "--alipay-public-key", "@app.pem"],
        ]
        for arguments in cases {
            let run = try await ProgramRun.settled(
                arguments: ["sign", "doctor", "--config", folder.path + "/settled.yaml"]
                    + arguments.map { $0.replacing("@", with: folder.path + "/") })
            #expect(run.exitCode == 2, "\(arguments): \(run.errors)")
        }
        #expect(try await Self.doctor(folder, "@good.body", "--source", "other").exitCode == 3)
    }

    @Test func `an old app's key and algorithm are taken when they are expected`() async throws {
        let old = try PrivateKey.generate(bits: 1024)
        let folder = try Self.folder(["alipay.pem": try old.publicKey.pem])
        let parameters = [("trade_no", "1"), ("total_amount", "10.21"), ("sign_type", "RSA")]
            .map { (Array($0.0.utf8), Array($0.1.utf8)) }
        let content = CanonicalForm.v2.signedContent(of: try FormBody(parsing: FormBody.encode(parameters)))
        let sign = Base64.encode(try old.sign(content, with: .rsa))
        let body = String(
            decoding: FormBody.encode(parameters + [(Array("sign".utf8), Array(sign.utf8))]), as: UTF8.self)
        let expected = try await Self.doctor(
            folder, "--body", body, "--alipay-public-key", "@alipay.pem", "--sign-type", "RSA")
        #expect(expected.exitCode == 0, "\(expected.output)\(expected.errors)")
        let other = try await Self.doctor(folder, "--body", body, "--alipay-public-key", "@alipay.pem")
        #expect(other.exitCode == 6 && other.output.contains("algorithm_not_allowed"))
        let configured = try await Self.doctor(folder, "--body", body, "--source", "cplife")
        #expect(configured.exitCode == 6)
        #expect(configured.errors.contains("allow_legacy_rsa"))
    }

    @Test func `an answer of the gateway is looked into with its method`() async throws {
        let good = try Good.made.get()
        let method = "alipay.eco.cplife.pay.result.query"
        let node = #"{"code":"10000","msg":"Success","total_amount":"10.21","remark":"\u7269\u4e1a"}"#
        let sign = Base64.encode(try good.alipay.sign(Array(node.utf8), with: .rsa2))
        let answer = "{\"alipay_eco_cplife_pay_result_query_response\":\(node),\"sign\":\"\(sign)\"}"
        let folder = try Self.folder([
            "answer": answer, "printed": answer.replacing("\",\"", with: "\",\n  \""),
            "forged": answer.replacing("10.21", with: "10.22"),
        ])
        let cases: [(String, String, Int32, String)] = [
            ("answer", method, 0, "verifies as it is"), ("printed", method, 6, "answer_rewritten"),
            ("forged", method, 1, "tried:"), ("answer", "alipay.trade.query", 6, "wrong_node"),
        ]
        for (file, method, code, says) in cases {
            let byApp = try await Self.doctor(folder, "@" + file, "--answer", "--method", method)
            #expect(byApp.exitCode == code, "\(file) \(method): \(byApp.output)\(byApp.errors)")
            #expect(byApp.output.contains(says), "\(file) \(method)")
            let byFile = try await Self.doctor(
                folder, "@" + file, "--answer", "--method", method, "--alipay-public-key", "@alipay.pem")
            #expect(byFile.exitCode == code, "\(file) \(method)")
        }
        #expect(try await Self.doctor(folder, "@answer", "--answer").exitCode == 2)
        #expect(try await Self.doctor(folder, "@answer", "--answer", "--method", method, "--app", "9").exitCode == 3)
    }

    @Test func `a rejected notification is looked into by its digest, persons masked unless it is audited`()
        async throws
    {
        let database = try TestDatabase.current
        let body = try Good.made.get().escaped().replacing("2088123456789012", with: "%26%2350%3B088123456789012")
        let digest = Digest.hex(Digest.sha256(Array(body.utf8)))
        try await database.execute(
            """
            INSERT INTO settled.rejected (source, body_digest, cause, message, content_type, body) VALUES
            ('cplife', decode('\(digest)', 'hex'), 'bad_signature', 'none', 'application/x-www-form-urlencoded',
             '\(body)'::bytea)
            """)
        let folder = try Self.folder()
        let run = try await Self.doctor(folder, "--notification", String(digest.prefix(12)), "--rejected")
        #expect(run.exitCode == 6, "\(run.output)\(run.errors)")
        #expect(run.output.contains("html_escaped") && run.output.contains("fund_bill_list"))
        #expect(!run.output.contains("2088123456789012") && !run.output.contains("七号楼"))
        #expect(try await database.value("SELECT count(*)::text FROM settled.audit_log") == "0")

        let revealed = try await Self.doctor(
            folder, "--notification", String(digest.prefix(12)), "--rejected", "--reveal", "--reason", "验签失败")
        #expect(revealed.exitCode == 6)
        #expect(revealed.output.contains("buyer_user_id=2088123456789012") && revealed.output.contains("七号楼"))
        #expect(
            try await database.value("SELECT action || ': ' || reason FROM settled.audit_log")
                == "notification.reveal: 验签失败")
    }

    @Test func `a stored delivery is looked into by its id, under the source that it came to`() async throws {
        let database = try TestDatabase.current
        try await database.execute(
            """
            INSERT INTO settled.deliveries (source, digest, result, body, canonical_form, algorithm, key_fingerprint)
            VALUES ('cplife', decode(repeat('cd', 32), 'hex'), 'new', '\(try Good.made.get().body())', 'V2', 'RSA2', 'k')
            """)
        let id = try #require(try await database.value("SELECT max(id)::text FROM settled.deliveries"))
        let folder = try Self.folder()
        #expect(try await Self.doctor(folder, "--notification", id).exitCode == 0)
        #expect(try await Self.doctor(folder, "--notification", id, "--source", "trades").exitCode == 6)
        #expect(try await Self.doctor(folder, "--notification", "999999").exitCode == 3)
        #expect(try await Self.doctor(folder, "--notification", "deadbeef00").exitCode == 3)
    }
}

import Testing

@testable import settled

@Suite("Problems of a configuration")
struct SettingsProblemTests {
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let text: String
        var environment: [String: String] = [:]
        let problems: [String]

        init(_ name: String, _ text: String, _ environment: [String: String] = [:], _ problems: String...) {
            testDescription = name
            self.text = text
            self.environment = environment
            self.problems = problems
        }
    }

    static let cases = [
        Case(
            "unknown key at the top", Example.minimal + "sorces: []\n", [:],
            "unknown key `sorces` at settled.yaml:7:1, did you mean `sources`?"),
        Case(
            "unknown key in a list's element",
            Example.minimal.replacing("name: cplife", with: "name: a\n    profil: trade"), [:],
            "unknown key `profil` in `sources[0]` at settled.yaml:7:5, did you mean `profile`?"),
        Case(
            "unknown key that resembles nothing", Example.minimal + "log: { colour: red }\n", [:],
            "unknown key `colour` in `log` at settled.yaml:7:8 (known here: level, format)"),
        Case(
            "wrong type", Example.minimal + "work:\n  concurrency: many\n", [:],
            "`work.concurrency` at settled.yaml:8:16: expected a whole number from 1 to 4096, found `many`"),
        Case(
            "list for a value", Example.minimal + "work:\n  concurrency: [1]\n", [:],
            "`work.concurrency` at settled.yaml:8:16: expected a whole number from 1 to 4096, found a list"),
        Case(
            "value for a list", Example.minimal + "merchants: 2088\n", [:],
            "`merchants` at settled.yaml:7:12: expected a list, found `2088`"),
        Case(
            "list for a section", Example.minimal + "http: [1]\n", [:],
            "`http` at settled.yaml:7:7: expected a mapping of keys, found a list"),
        Case(
            "misspelled choice", Example.minimal.replacing("name: cplife", with: "name: a\n    ack: signedxml"), [:],
            "`sources[0].ack` at settled.yaml:7:10: expected one of signed-xml, plain-json, success, found `signedxml`, "
                + "did you mean `signed-xml`?"),
        Case(
            "wrong variable", Example.minimal, ["SETTLED_HTTP_LISTEN": "8080"],
            "`http.listen` from environment SETTLED_HTTP_LISTEN: "
                + "expected an address and a port such as 0.0.0.0:8080 or [::1]:8080, found `8080`"),
        Case(
            "unknown app", Example.minimal.replacing("name: cplife", with: "name: a\n    app: \"2021000000000010\""),
            [:],
            "`sources[0].app` at settled.yaml:7:10: expected the id of an app: 2021000000000001, found `2021000000000010`, "
                + "did you mean `2021000000000001`?"),
        Case(
            "two sources of one name", Example.minimal + "  - name: cplife\n", [:],
            "`sources[1].name` at settled.yaml:7:11: `cplife` is already that of `sources[0]`"),
        Case(
            "gateway over plain http",
            Example.minimal.replacing("    private_key", with: "    gateway: http://10.0.0.1/\n    private_key"),
            [:],
            "`apps[0].gateway` at settled.yaml:3:14: expected an https URL (plain http for this machine alone) "
                + "without user, query and fragment, found `http://10.0.0.1/`"),
        Case(
            "missing key file",
            Example.minimal.replacing("private_key: PRIVATE", with: "private_key_file: /nowhere/app.pem"), [:],
            "`apps[0].private_key_file` at settled.yaml:3:23: /nowhere/app.pem cannot be read: No such file or directory"
        ),
        Case(
            "both the text and its file",
            Example.minimal.replacing("private_key: PRIVATE", with: "private_key: A\n    private_key_file: b"),
            [:], "`apps[0].private_key` at settled.yaml:3:18: `private_key` and `private_key_file` are both set"),
        Case(
            "both variables", Example.minimal, ["SETTLED_DATABASE_URL": "x", "SETTLED_DATABASE_URL_FILE": "y"],
            "`database.url`: SETTLED_DATABASE_URL and SETTLED_DATABASE_URL_FILE are both set"),
        Case(
            "withholding without its unit",
            Example.minimal + "taobao: { app_key: k, app_secret: s }\nwithholding: {}\n", [:],
            "`withholding.amount_unit` is missing at settled.yaml:8:14: expected one of fen, yuan"),
        Case(
            "withholding without its gateway", Example.minimal + "withholding: { amount_unit: fen }\n", [:],
            "`taobao` is missing at settled.yaml:1:1: expected the section, since `withholding` asks that gateway"),
        Case(
            "pooler without a way past it", Example.minimal + "database: { pooler: transaction }\n", [:],
            "`database.direct_url` is missing at settled.yaml:7:11: expected the database past the pooler, "
                + "since `pooler` is transaction and migrations cannot run through it"),
        Case(
            "heartbeat too slow for the lease", Example.minimal + "work: { heartbeat: 20s }\n", [:],
            "`work.heartbeat` at settled.yaml:7:20: 20s is more than half of `lease` (30s), "
                + "so that one lost heartbeat would lose the job"),
        Case(
            "one community of two merchants",
            Example.minimal
                + "merchants:\n  - { seller_id: \"1\", communities: [C] }\n  - { seller_id: \"2\", communities: [C] }\n",
            [:], "`merchants` at settled.yaml:1:1: community `C` belongs to both 1 and 2"),
        Case(
            "list element that skips one", Example.minimal, ["SETTLED_SOURCES_2_NAME": "b"],
            "SETTLED_SOURCES_2… is set, but `sources` has no element 1 before it"),
        Case("not YAML", "apps: [\n", [:], "settled.yaml:2:1 is not YAML: did not find expected node content"),
        Case(
            "key written twice", "log: { level: info, level: debug }\n", [:],
            "`level` is written twice in the mapping at settled.yaml:1:8"),
        Case(
            "a document that is a list", "- 1\n", [:],
            "the document at settled.yaml:1:1: expected a mapping of keys, found a list"),
    ]

    @Test("Each names the key, the place, what was expected and what was found", arguments: cases)
    func problem(_ example: Case) {
        #expect(Example.problems(example.text, example.environment) == example.problems)
    }

    @Test("All problems of a configuration are reported together")
    func together() {
        let text = """
            http: { listen: nowhere }
            apps:
              - id: "1"
              - id: "1"
                private_key: A
                alipay_public_key: B
            work: { lease: 30 }
            logs: {}
            """
        #expect(
            Example.problems(text) == [
                "`http.listen` at settled.yaml:1:17: expected an address and a port such as 0.0.0.0:8080 or [::1]:8080, found `nowhere`",
                "`apps[0].alipay_public_key_file` is missing at settled.yaml:3:5: "
                    + "expected the name of a file with Alipay's public key, or certificates",
                "`apps[0].private_key_file` is missing at settled.yaml:3:5: expected the name of a file with our private key",
                "`apps[1].id` at settled.yaml:4:9: `1` is already that of `apps[0]`",
                "`work.lease` at settled.yaml:7:16: expected a duration from 10s to 1h, such as 30s, 2m or 1h, found `30`",
                "unknown key `logs` at settled.yaml:8:1, did you mean `log`?",
            ])
    }

    @Test("Nothing that a complaint quotes is a secret")
    func quotedSecrets() {
        let problems = Example.problems(
            Example.minimal.replacing("private_key: PRIVATE", with: "private_key: [GEHEIM]"))
        #expect(problems.count == 1)
        #expect(!problems.joined().contains("GEHEIM"))
    }

    @Test("Aliases that stand for a huge document are refused")
    func aliasBomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
                + "]\n"
        }
        #expect(Example.problems(text).first?.hasSuffix("is too deep or too large") == true)
    }

    @Test(
        "The nearest word is one that fingers slip into",
        arguments: [
            ("sorces", "sources"), ("lsiten", "listen"), ("Listen", "listen"), ("privat_key", "private_key"),
            ("x", nil),
            ("colour", nil), ("", nil),
        ] as [(String, String?)])
    func nearest(text: String, word: String?) {
        #expect(NearestWord.to(text, among: ["sources", "listen", "private_key", "log"]) == word)
    }
}

import Testing
import Wire

@testable import Alipay

@Suite("What the doctor does when nothing helps", .longWork) struct DoctorLimitTests {
    @Test func `a forged body gets told that nothing verifies, what was tried, and whose signature it is`() throws {
        // N13: an amount was altered after signing.
        let forged = try DoctorCase.named("N13")
        let diagnosis = try forged.diagnose(forged.body)
        #expect(diagnosis.verdict == .nothingVerifies)
        #expect(diagnosis.findings.isEmpty && diagnosis.difference == nil)
        #expect(diagnosis.signer?.owner == .alipay)
        #expect(diagnosis.refusal?.cause == "bad_signature")
        for name in ["V1 and V2", "html_escaped", "lost_plus", "encoded_twice", "trimmed", "pairs of these"] {
            #expect(diagnosis.tried.contains(name), "\(name)")
        }
        #expect(diagnosis.attempts > 1000)
        #expect(!diagnosis.gaveUp)
        #expect(diagnosis.notes.contains { $0.contains("genuine") })
    }

    @Test func `a message without sign gets told so, and nothing is tried`() throws {
        let unsigned = try DoctorCase.named("N19")
        let diagnosis = try unsigned.diagnose(unsigned.body)
        #expect(diagnosis.verdict == .nothingVerifies)
        #expect(diagnosis.attempts == 0)
        #expect(diagnosis.notes.contains { $0.contains("no sign") })
    }

    @Test func `bytes that were lost are pointed out`() throws {
        let good = try DoctorCase.named("N04")
        var parameters = try FormBody(parsing: good.body).parameters
        for index in parameters.indices where parameters[index].name.elementsEqual("subject".utf8) {
            parameters[index].value = Array("\u{FFFD}\u{FFFD}".utf8)
        }
        let diagnosis = try good.doctor(budget: DoctorBudget(attempts: 500, bytes: 1 << 20))
            .diagnose(body: FormBody.encode(parameters))
        #expect(diagnosis.verdict == .nothingVerifies)
        #expect(diagnosis.notes.contains { $0.contains("U+FFFD") })
    }

    private static func sign() throws -> String {
        let body = try DoctorCase.named("N01").vector.body
        return String(try #require(body.split(separator: "&").first { $0.hasPrefix("sign=") }))
    }

    /// Bodies that are made to cost, each under a genuine signature, so that the content is searched.
    static let hostile: [(String, @Sendable () -> String)] = [
        ("one huge value", { "a=" + String(repeating: "%26%2B+%5C%22", count: 2_000) }),
        ("thousands of parameters", { (0..<2_000).map { "p\($0)=+" }.joined(separator: "&") }),
        ("thousands of duplicates", { String(repeating: "trade_no=1&", count: 2_000) + "a=1" }),
        ("nothing but ampersands", { String(repeating: "&", count: 30_000) }),
        ("nothing but signs", { String(repeating: "sign=QUFB&", count: 2_000) + "a=1" }),
        ("deeply nested JSON", { "{\"a\":" + String(repeating: "[", count: 15_000) }),
        ("entities without end", { "a=" + String(repeating: "&amp;amp;", count: 2_000) }),
        ("many parameters with many blanks", { (0..<500).map { "p\($0)=a+b+c+d+e+f+g" }.joined(separator: "&") }),
        ("many blanks", { "a=" + String(repeating: "+", count: 15_000) }),
        ("too large to look at", { String(repeating: "a", count: 2 << 20) }),
    ]

    @Test(arguments: hostile.indices)
    func `what is made to cost costs no more than the budget`(index: Int) throws {
        let (what, body) = Self.hostile[index]
        let budget = DoctorBudget(attempts: 500, bytes: 1 << 20)
        let doctor = try DoctorCase.named("N01").doctor(budget: budget)
        let diagnosis = doctor.diagnose(body: Array((try Self.sign() + "&" + body()).utf8))
        #expect(diagnosis.verdict != .verified, "\(what)")
        // One message has at most eight contents, and is finished once it was begun; so is each way to read the body.
        #expect(diagnosis.attempts <= budget.attempts + 8 * 12, "\(what)")
    }

    @Test func `a search that was ended says so`() throws {
        let forged = try DoctorCase.named("N13")
        let diagnosis = try forged.doctor(budget: DoctorBudget(attempts: 50, bytes: 1 << 20)).diagnose(
            body: forged.body)
        #expect(diagnosis.gaveUp)
        #expect(diagnosis.notes.contains { $0.contains("ended after") })
    }
}

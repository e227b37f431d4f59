import Settlement
import Testing

/// The arguments of a job survive the trip through the database's JSON.
@Suite struct PayResultJobTests {
    static let jobs = [
        PayResultJob(source: "cplife", appID: "1"),
        PayResultJob(
            source: "s", appID: "1", tradeNo: "T", queryToken: "t/+=", sellerID: "2088", communityID: "C",
            totalFen: 9_999_999_999_999, refundFen: 1),
        PayResultJob(source: "s\"\\\n", appID: "", tradeNo: "'); drop table x;--", communityID: "中文\u{1F600}\u{202E}"),
    ]

    @Test(arguments: jobs)
    func `what was written is read back`(_ job: PayResultJob) {
        #expect(PayResultJob(args: job.args) == job)
    }

    @Test(arguments: ["", "[]", "{}", #"{"source":"s"}"#, #"{"app_id":"1"}"#, "null", #"{"source":"s","app_id":{}}"#])
    func `arguments of another kind are none`(text: String) {
        #expect(PayResultJob(args: text) == nil)
    }

    @Test func `people find a job by its trade number, else by its token`() {
        #expect(PayResultJob(source: "s", appID: "1", tradeNo: "T", queryToken: "q").subject == "T")
        #expect(PayResultJob(source: "s", appID: "1", queryToken: "q").subject == "q")
        #expect(PayResultJob(source: "s", appID: "1").subject == nil)
    }
}

import Postgres
import Testing

@testable import JobQueue

@Suite struct CompletionTests {
    private func completion(_ disposition: Disposition, elapsed: Duration = .zero) -> Completion {
        let start = Timestamp(unixSeconds: 1_000_000)
        let lease = Lease(jobID: 1, epoch: 1, queue: "q", kind: "k", firstAttemptAt: start)
        var random = FixedGenerator(bits: 1 << 63)
        return Completion(lease, disposition, retry: RetryPolicy(), now: start + elapsed, using: &random)
    }

    @Test("Each word of a handler has one effect")
    func table() {
        let failure = JobFailure(cause: "gateway", message: "no answer")
        let cases: [(Disposition, Completion.Change, attempt: String?, JobFailure?, outcome: String)] = [
            (
                .done(outcome: "settled", note: "n"), .end(state: "done", outcome: "settled", note: "n"), nil, nil,
                "settled"
            ),
            (.done(outcome: ""), .end(state: "done", outcome: "unknown", note: nil), nil, nil, "unknown"),
            (
                .retry(failure),
                .putBack(state: "retrying", after: .milliseconds(500), spendsAttempt: true, note: nil), "retry",
                failure, "retrying"
            ),
            (
                .retry(failure, after: .seconds(9)),
                .putBack(state: "retrying", after: .seconds(9), spendsAttempt: true, note: nil), "retry", failure,
                "retrying"
            ),
            (
                .snooze(after: .seconds(5), reason: "early"),
                .putBack(state: "scheduled", after: .seconds(5), spendsAttempt: false, note: "early"), "snooze", nil,
                "scheduled"
            ),
            (
                .snooze(after: .seconds(-5), reason: "early"),
                .putBack(state: "scheduled", after: .zero, spendsAttempt: false, note: "early"), "snooze", nil,
                "scheduled"
            ),
            (
                .hold(key: "k", cause: "gateway", reason: "no answer"),
                .putBack(state: "held", after: .zero, spendsAttempt: false, note: nil), "hold", failure, "held"
            ),
            (.fail(failure), .end(state: "failed", outcome: nil, note: nil), "fail", failure, "failed"),
            (
                .quarantine(failure), .putBack(state: "quarantined", after: nil, spendsAttempt: false, note: nil),
                "quarantine", failure, "quarantined"
            ),
            (.cancel(reason: "r"), .end(state: "cancelled", outcome: nil, note: "r"), "cancel", nil, "cancelled"),
        ]
        for (disposition, change, attempt, failure, outcome) in cases {
            let completion = completion(disposition)
            #expect(completion.change == change)
            #expect(completion.attempt == attempt)
            #expect(completion.failure == failure)
            #expect(completion.outcome == outcome)
        }
    }

    @Test("A disposition's own retry policy goes before the runner's")
    func ownPolicy() {
        let failure = JobFailure(cause: "c", message: "m")
        let patient = RetryPolicy(first: .seconds(40), cap: .seconds(60), budget: .seconds(100 * 3600))
        let late = completion(.retry(failure, policy: patient), elapsed: .seconds(90 * 3600))
        #expect(late.change == .putBack(state: "retrying", after: .seconds(20), spendsAttempt: true, note: nil))
        #expect(completion(.retry(failure, policy: patient), elapsed: .seconds(101 * 3600)).state == "quarantined")
    }

    @Test("A retry past the budget is quarantined and still names the last failure")
    func budget() {
        let spent = completion(.retry(JobFailure(cause: "gateway", message: "no answer")), elapsed: .seconds(72 * 3600))
        #expect(spent.state == "quarantined")
        #expect(spent.failure?.cause == "retry_budget_spent")
        #expect(spent.failure?.message.contains("gateway: no answer") == true)
    }

    @Test("What a handler says cannot be too long or hold a NUL for the table")
    func text() {
        let failure = JobFailure(
            cause: String(repeating: "é", count: 100), message: "a\u{0}b" + String(repeating: "x\u{301}", count: 4_500))
        #expect(failure.cause.unicodeScalars.count == 64)
        #expect(failure.message.unicodeScalars.count == 2_000)
        #expect(failure.message.unicodeScalars.starts(with: "a\u{FFFD}bx".unicodeScalars))
        #expect(JobFailure(cause: "", message: "").cause == "unknown")
    }
}

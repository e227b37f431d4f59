import Sandbox
import Testing

@testable import settled

/// The drill itself: it plays real errors over real HTTP, and says so when the program does something else.
@Suite struct ErrorDrillTests {
    private static let output: OutputOptions = {
        var output = OutputOptions()
        output.quiet = true
        output.json = false
        return output
    }()

    @Test func `errors that pass are asked again, those that do not end for good, and the table says so`() async throws
    {
        let names = ["40004 INVALID_PARAMETER", "40004 SYSTEM_ERROR", "success without sign"]
        let errors = DocumentedError.payResult.filter { names.contains($0.name) }
        let report = try await ErrorDrill(parallel: 3, output: Self.output).run(errors)
        #expect(report.rows.map(\.error.name) == names)
        #expect(report.holds, "\(report.table)")
        #expect(report.table.contains("settled at call 2"))
        #expect(report.table.contains("3 of 3 as it should be"))
    }

    @Test func `the errors of Taobao's platform are played by the platform`() async throws {
        let names = ["27 invalid-sessionkey", "50 isv.invalid-parameter", "another order's answer"]
        let errors = ErrorDrill.errors.filter { $0.api == "agreement.pay.query" && names.contains($0.name) }
        let report = try await ErrorDrill(parallel: 3, output: Self.output).run(errors)
        #expect(report.rows.map(\.error.name) == names)
        #expect(report.holds, "\(report.table)")
    }

    private static func seen(
        _ state: String, attempts: Int = 0, calls: Int = 1, settled: Int = 0, outcome: String? = nil
    ) -> Observation {
        Observation(
            first: "retry", cause: nil, attempts: attempts, calls: calls, state: state, outcome: outcome, wait: nil,
            settled: settled)
    }

    @Test(arguments: [
        (DocumentedError.Ending.settles, seen("done", attempts: 1, calls: 2, settled: 1), true),
        (.settles, seen("done", attempts: 1, calls: 2, settled: 2), false),
        (.settles, seen("retrying", attempts: 1), false),
        (.fails, seen("failed"), true),
        (.fails, seen("failed", calls: 2), false),
        (.fails, seen("done", settled: 1), false),
        (.waits, seen("scheduled"), true),
        (.waits, seen("held"), true),
        (.waits, seen("retrying", attempts: 1), false),
        (.concludes("missing_at_alipay"), seen("done", calls: 2, outcome: "missing_at_alipay"), true),
        (.concludes("equal"), seen("done", outcome: "missing_at_alipay"), false),
        (.concludes("equal"), seen("done", calls: 1, outcome: "equal"), false),
        (.concludes("equal"), seen("done", calls: 2, outcome: "equal"), true),
        (.quarantines, seen("quarantined"), true),
        (.quarantines, seen("failed"), false),
        (.retries, seen("retrying", attempts: 2), true),
        (.retries, seen("quarantined", attempts: 2), false),
    ])
    func `a row holds only when the program did what the documents ask for`(
        ending: DocumentedError.Ending, seen: Observation, holds: Bool
    ) {
        let error = DocumentedError(api: "a", name: "n", fault: .alipay(.systemError), calls: 1, ending: ending)
        #expect(ErrorDrillReport.Row(error: error, observation: seen).holds == holds)
    }
}

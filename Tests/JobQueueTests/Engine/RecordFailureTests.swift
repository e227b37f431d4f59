import Postgres
import Testing

@testable import JobQueue

@Suite struct RecordFailureTests {
    struct HandlerError: Error {}

    @Test(
        "Who is at fault when a completing transaction fails",
        arguments: [
            ("40001", RecordFailure.repeatNow), ("40P01", .repeatNow), ("57P01", .repeatLater), ("53100", .repeatLater),
            ("25006", .repeatLater), ("42P01", .repeatLater), ("42501", .repeatLater), ("XX000", .repeatLater),
            ("22P02", .findCulprit), ("23505", .findCulprit), ("23514", .findCulprit), ("P0001", .findCulprit),
        ])
    func server(state: String, verdict: RecordFailure) {
        let isTransient = ["40001", "40P01", "57P01", "53100", "25006"].contains(state)
        #expect(RecordFailure(PostgresError(.server, "no", sqlState: state, isTransient: isTransient)) == verdict)
    }

    @Test("A lost connection is nobody's fault; an error of the handler's own is a job's")
    func others() {
        #expect(RecordFailure(PostgresError(.connection, "lost", isTransient: true)) == .repeatLater)
        #expect(RecordFailure(PostgresError(.commitInDoubt, "lost")) == .repeatLater)
        #expect(RecordFailure(PostgresError(.poolTimeout, "full", isTransient: true)) == .repeatLater)
        #expect(RecordFailure(PostgresError(.invalidParameter, "NUL")) == .findCulprit)
        #expect(RecordFailure(HandlerError()) == .findCulprit)
    }
}

import Postgres
import TestSupport

extension Connection {
    /// One statement without a name worth keeping: it is named by its text.
    func query(_ sql: String, _ parameters: [Parameter] = []) throws(PostgresError) -> Rows {
        try query(Statement("test_\(sql.hashValue)", sql), parameters)
    }
}

/// The error that `body` throws, nil when it throws none.
func postgresError(_ body: () async throws -> Void) async throws -> PostgresError? {
    do {
        try await body()
        return nil
    } catch let error as PostgresError {
        return error
    }
}

/// Opens when it is told to; tests wait here for each other instead of sleeping.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func open() {
        isOpen = true
        waiting.forEach { $0.resume() }
        waiting = []
    }

    func pass() async {
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }
}

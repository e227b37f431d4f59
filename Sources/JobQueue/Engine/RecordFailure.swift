import Postgres

/// What to do about a completing transaction that failed.
enum RecordFailure: Equatable {
    /// Repeat it at once: a deadlock or a serialization failure.
    case repeatNow
    /// Repeat it after a pause: the database, the schema or a permission is at fault, not a job.
    case repeatLater
    /// Some job of the batch is at fault: find it.
    case findCulprit

    init(_ error: any Error) {
        guard let error = error as? PostgresError else {
            self = error is CancellationError ? .repeatLater : .findCulprit
            return
        }
        switch error.code {
        case .server, .transactionAborted: self = RecordFailure(sqlState: error.sqlState ?? "", error.isTransient)
        case .invalidParameter, .decoding: self = .findCulprit
        default: self = .repeatLater
        }
    }

    private init(sqlState: String, _ isTransient: Bool) {
        switch sqlState {
        case "40001", "40P01": self = .repeatNow
        case "42501": self = .repeatLater  // no permission
        default:
            // 0A, 28, 3D, 3F, 42, 58, XX: the program and the schema do not fit, or the server is broken. Quarantining every
            // job for that would bury the ones that are at fault.
            let schemaOrServer = ["0A", "28", "3D", "3F", "42", "58", "XX"].contains(String(sqlState.prefix(2)))
            self = isTransient || schemaOrServer ? .repeatLater : .findCulprit
        }
    }
}

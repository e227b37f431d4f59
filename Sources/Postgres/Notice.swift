import CLibPQ

/// A message that the server sent beside a result.
///
/// A WARNING that comes with a commit says that the commit may not last (a wait for the standby that was given up);
/// ``Connection`` turns that into ``PostgresError/Code/commitInDoubt``. All others are only told.
public struct Notice: Sendable, Hashable {
    /// WARNING, NOTICE, INFO, LOG or DEBUG, never translated.
    public let severity: String
    public let sqlState: String?
    public let message: String
    /// The function of the server's source that spoke: the only field that tells a message apart in every language.
    let sourceFunction: String?

    var isWarning: Bool { severity == "WARNING" }
    var isFatal: Bool { severity == "FATAL" || severity == "PANIC" }

    /// Whether the wait for a synchronous standby was given up, though the transaction was committed here.
    /// A server or proxy that does not say who speaks is taken at its worst.
    var isAbandonedReplication: Bool {
        isWarning && (sourceFunction ?? "SyncRepWaitForLSN") == "SyncRepWaitForLSN"
    }
}

/// Collects what libpq's notice receiver is given while it reads from one connection.
///
/// It is only touched on the connection's thread: libpq calls the receiver from inside its own functions.
final class NoticeLog {
    private var notices: [Notice] = []

    func attach(to handle: OpaquePointer) {
        _ = PQsetNoticeReceiver(
            handle,
            { log, result in
                guard let log, let result else { return }
                Unmanaged<NoticeLog>.fromOpaque(log).takeUnretainedValue().add(result)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    func drain() -> [Notice] {
        defer { notices.removeAll() }
        return notices
    }

    private func add(_ result: OpaquePointer) {
        // A function in a loop may raise more than anybody will read.
        guard notices.count < 1_000 else { return }
        notices.append(
            Notice(
                severity: diagnostic(SETTLED_DIAG_SEVERITY, of: result) ?? "NOTICE",
                sqlState: diagnostic(SETTLED_DIAG_SQLSTATE, of: result),
                message: diagnostic(SETTLED_DIAG_MESSAGE_PRIMARY, of: result) ?? "",
                sourceFunction: diagnostic(SETTLED_DIAG_SOURCE_FUNCTION, of: result)))
    }
}

/// One field of an error or notice; nil when the server did not send it.
func diagnostic(_ field: some BinaryInteger, of result: OpaquePointer) -> String? {
    PQresultErrorField(result, Int32(field)).map { String(cString: $0) }
}

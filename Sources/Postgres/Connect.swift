import CLibPQ
import Glibc

extension Session {
    /// Connects as `settings` say, host by host. It blocks its thread, for at most `connect_timeout` a host.
    static func connect(_ settings: ConnectionSettings) throws(PostgresError) -> Session {
        let given = try keywords(in: settings.conninfo)
        var options: [(keyword: String, value: String)] = [
            // The first dbname is expanded as a conninfo; what follows replaces what it says.
            ("dbname", settings.conninfo),
            ("client_encoding", "UTF8"),
            ("fallback_application_name", settings.applicationName),
        ]
        for (keyword, value) in defaults(settings) where !given.contains(keyword) { options.append((keyword, value)) }
        guard let handle = open(options) else {
            throw PostgresError(.connection, "cannot connect to PostgreSQL: out of memory", isTransient: true)
        }
        let session = Session(handle)
        guard session.isConnected else {
            throw PostgresError(.connection, "cannot connect to PostgreSQL: \(session.lastMessage)", isTransient: true)
        }
        return session
    }

    /// What the conninfo gets where it does not say: a peer that is gone without a word is noticed within 15 seconds,
    /// by keep-alive probes (5 s + 3 × 3 s) when idle and by the user timeout when data is unacknowledged.
    private static func defaults(_ settings: ConnectionSettings) -> [(String, String)] {
        let seconds =
            settings.connectTimeout.components.seconds + (settings.connectTimeout.components.attoseconds > 0 ? 1 : 0)
        var defaults = [
            ("keepalives", "1"), ("keepalives_idle", "5"), ("keepalives_interval", "3"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "12000"),
        ]
        if getenv("PGCONNECT_TIMEOUT") == nil { defaults.append(("connect_timeout", String(max(1, seconds)))) }
        return defaults
    }

    /// The keywords that `conninfo` sets. libpq's reason for refusing one may quote the password, so ours does not.
    private static func keywords(in conninfo: String) throws(PostgresError) -> Set<String> {
        let refusal = PostgresError(
            .invalidParameter,
            "the database's conninfo is neither a postgresql:// URI nor a list of keyword=value pairs")
        if conninfo.utf8.contains(0) { throw refusal }
        guard let options = PQconninfoParse(conninfo, nil) else { throw refusal }
        defer { PQconninfoFree(options) }
        var keywords: Set<String> = []
        var option = options
        while let keyword = option.pointee.keyword {
            if option.pointee.val != nil { keywords.insert(String(cString: keyword)) }
            option += 1
        }
        return keywords
    }

    private static func open(_ options: [(keyword: String, value: String)]) -> OpaquePointer? {
        let texts = options.map { (strdup($0.keyword), strdup($0.value)) }
        defer {
            for (keyword, value) in texts {
                free(keyword)
                free(value)
            }
        }
        let keywords: [UnsafePointer<CChar>?] = texts.map { UnsafePointer($0.0) } + [nil]
        let values: [UnsafePointer<CChar>?] = texts.map { UnsafePointer($0.1) } + [nil]
        return PQconnectdbParams(keywords, values, 1)
    }
}

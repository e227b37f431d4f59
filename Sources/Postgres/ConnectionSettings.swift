/// Where the database is and how to speak to it.
public struct ConnectionSettings: Sendable, Hashable {
    /// A libpq URI or keyword string. What it leaves out comes from libpq's PG* environment variables; several hosts
    /// (`host=a,b target_session_attrs=read-write`) are tried in their order. It may hold a password: never log it.
    public var conninfo: String

    /// What `pg_stat_activity` calls us, unless the conninfo or PGAPPNAME say otherwise.
    public var applicationName: String

    /// How long one host may take to answer (whole seconds, rounded up; libpq takes 2 for 1), unless the conninfo has
    /// its own `connect_timeout`.
    public var connectTimeout: Duration

    /// Whether statements are prepared under their names. False behind a pooler in transaction mode, where the next
    /// transaction may meet another server process that never saw them.
    public var preparesNames: Bool

    public init(
        _ conninfo: String, applicationName: String = "settled", connectTimeout: Duration = .seconds(5),
        preparesNames: Bool = true
    ) {
        self.conninfo = conninfo
        self.applicationName = applicationName
        self.connectTimeout = connectTimeout
        self.preparesNames = preparesNames
    }
}

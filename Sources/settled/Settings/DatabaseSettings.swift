/// Where PostgreSQL is and how many connections each kind of work may hold.
struct DatabaseSettings: Sendable {
    enum Pooler: String, Sendable, CaseIterable { case none, transaction }

    /// A libpq URI or keyword string; nil leaves everything to libpq's own PG… variables.
    var url: Secret?
    /// The same past the pooler, for migrations and for listening.
    var directURL: Secret?
    var pooler: Pooler
    var connectTimeout: Duration
    var statementTimeout: Duration
    var pools: Pools

    /// Connections by lane; a lane never borrows from another, so that forgeries and pages cannot starve intake.
    struct Pools: Sendable {
        var intake: Int
        var unverified: Int
        var work: Int
        var read: Int
        var feed: Int

        init(_ section: SettingsSection) {
            let size = SettingShape.integer(1...100)
            intake = section.value("intake", size, default: 2, "Connections that store verified notifications.")
            unverified = section.value("unverified", size, default: 1, "Connections that store what did not verify.")
            work = section.value("work", size, default: 4, "Connections that claim jobs and settle.")
            read = section.value("read", size, default: 4, "Connections that serve the API and the pages.")
            feed = section.value("feed", size, default: 1, "Connections that number the feed.")
        }
    }

    init(_ section: SettingsSection) {
        url = section.secret(
            "url",
            "The database as a libpq URI or keyword string; several hosts with target_session_attrs=read-write work. "
                + "Also DATABASE_URL; libpq's PG… variables fill what is absent.",
            aliases: ["DATABASE_URL"])
        directURL = section.secret(
            "direct_url", "The same past the pooler, for migrations and for listening; `url` when it is not set.")
        pooler = section.value(
            "pooler", .choice(Pooler.allCases), default: .none,
            "Whether a pooler such as pgbouncer stands between, in transaction mode.")
        connectTimeout = section.value(
            "connect_timeout", .duration(.milliseconds(100) ... .seconds(300)), default: .seconds(5),
            "How long a new connection may take.")
        statementTimeout = section.value(
            "statement_timeout", .duration(.milliseconds(100) ... .seconds(3600)), default: .seconds(30),
            "How long one statement may take.")
        pools = section.section("pools", Pools.init)
        if pooler == .transaction, directURL == nil {
            section.complain(
                missing: "direct_url",
                expectation:
                    "the database past the pooler, since `pooler` is transaction and migrations cannot run through it")
        }
    }
}

import Foundation
import Postgres

extension DatabaseSettings {
    /// How the pool connects: through the pooler, if there is one.
    var pooled: ConnectionSettings {
        let conninfo = url?.reveal() ?? ""
        // A pooler in transaction mode refuses options of a session, which would stay with its server for the next client.
        return ConnectionSettings(
            pooler == .none ? Self.limited(conninfo, to: statementTimeout) : conninfo, connectTimeout: connectTimeout,
            preparesNames: pooler == .none)
    }

    /// How migrations and the listener connect: past the pooler, and with all the time that a migration needs.
    var direct: ConnectionSettings {
        ConnectionSettings((directURL ?? url)?.reveal() ?? "", connectTimeout: connectTimeout)
    }

    /// The same conninfo with `statement_timeout` for its sessions, unless it or PGOPTIONS has options of its own.
    ///
    /// Every statement has a deadline on our side as well; this one also ends what a killed process left running.
    static func limited(
        _ conninfo: String, to timeout: Duration, environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String {
        guard !conninfo.contains("options"), (environment["PGOPTIONS"] ?? "").isEmpty else { return conninfo }
        let milliseconds = timeout.components.seconds * 1000 + timeout.components.attoseconds / 1_000_000_000_000_000
        guard conninfo.hasPrefix("postgres://") || conninfo.hasPrefix("postgresql://") else {
            return conninfo + (conninfo.isEmpty ? "" : " ") + "options='-c statement_timeout=\(milliseconds)'"
        }
        return conninfo + (conninfo.contains("?") ? "&" : "?") + "options=-c%20statement_timeout%3D\(milliseconds)"
    }
}

import Postgres

extension DatabaseSettings {
    /// How the pool connects: through the pooler, if there is one.
    var pooled: ConnectionSettings {
        ConnectionSettings(
            url?.reveal() ?? "", connectTimeout: connectTimeout, preparesNames: pooler == .none)
    }

    /// How migrations and the listener connect: past the pooler.
    var direct: ConnectionSettings {
        ConnectionSettings((directURL ?? url)?.reveal() ?? "", connectTimeout: connectTimeout)
    }
}

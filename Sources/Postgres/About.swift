// Postgres is libpq for Swift: connections, statements, rows, a pool with lanes, a listener and a migrator.
// It imports CLibPQ, swift-log and swift-service-lifecycle, and knows nothing of payments, jobs or HTTP.
// Start with Connection.swift; Statement.swift, Parameter.swift and Rows.swift are its words, Pool.swift is how a program
// shares connections, and PostgresError.swift says what can go wrong and what is worth another try.

import Postgres

extension Connection {
    func pipeline(_ calls: [(Statement, [Parameter])]) throws(PostgresError) -> [Rows] {
        var results: [Rows] = []
        for (statement, parameters) in calls { results.append(try query(statement, parameters)) }
        return results
    }
}

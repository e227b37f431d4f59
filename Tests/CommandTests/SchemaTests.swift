import Foundation
import Postgres
import Schema
import Testing

/// A migration that nobody listed is never applied, and nobody notices until a statement misses its table.
@Suite struct SchemaTests {
    @Test func `every file in sql/migrations is listed, under its own number and name`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("sql/migrations")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        let listed = Schema.migrations.map { migration in
            String(repeating: "0", count: 4 - String(migration.number).count)
                + "\(migration.number)_\(migration.name).sql"
        }
        #expect(files == listed)
    }
}

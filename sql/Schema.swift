import Postgres

/// The migrations in `sql/migrations`, embedded in the program, in their order.
///
/// A migration is added with its file, `NNNN_name.sql`, and one line here. It is never edited once it was released:
/// databases that have it keep its checksum, and the migrator refuses another text.
public enum Schema {
    public static let migrations: [Migration] = [
        Migration(number: 1, name: "schema", sql: text(PackageResources._001_schema_sql)),
        Migration(number: 2, name: "jobs", sql: text(PackageResources._002_jobs_sql)),
        Migration(number: 3, name: "settlement", sql: text(PackageResources._003_settlement_sql)),
        Migration(number: 4, name: "lookups", sql: text(PackageResources._004_lookups_sql)),
        Migration(number: 5, name: "idempotency", sql: text(PackageResources._005_idempotency_sql)),
        Migration(number: 6, name: "agreements", sql: text(PackageResources._006_agreements_sql)),
        Migration(number: 7, name: "withholding", sql: text(PackageResources._007_withholding_sql)),
        Migration(number: 8, name: "holds", sql: text(PackageResources._008_holds_sql)),
        Migration(number: 9, name: "withholding_digest", sql: text(PackageResources._009_withholding_digest_sql)),
        Migration(number: 10, name: "expectations", sql: text(PackageResources._010_expectations_sql)),
    ]

    /// The number of the newest migration.
    public static let version = migrations.last?.number ?? 0

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

import Postgres
import TestSupport
import Testing

@testable import Settlement

@Suite(.database, .timeLimit(.minutes(5))) struct HousekeepingTests {
    private static let days = """
        SELECT count(*) FROM pg_inherits WHERE inhparent = 'settled.deliveries'::regclass
        AND inhrelid <> 'settled.deliveries_default'::regclass
        """

    private static func keepHouse(_ change: (inout Housekeeping.Retention) -> Void = { _ in }) async throws {
        var retention = Housekeeping.Retention()
        change(&retention)
        let final = retention
        try await TestHouse.withPool { pool in
            try await Housekeeping(pool: pool, intake: nil, retention: final, logger: TestHouse.logger).runOnce()
        }
    }

    private static func deliver(_ day: String) -> String {
        """
        INSERT INTO settled.deliveries (received_at, source, digest, result, body, canonical_form, algorithm, key_fingerprint)
        VALUES (\(day), 's', '', 'new', '', 'V2', 'RSA2', 'k')
        """
    }

    @Test func `there is a partition for each of the coming seven days, made once`() async throws {
        let database = try TestDatabase.current
        try await database.execute(
            "DO $$ BEGIN EXECUTE format('DROP TABLE settled.%I', to_char((now() AT TIME ZONE 'UTC')::date + 3, '\"deliveries_p\"YYYYMMDD')); END $$"
        )
        #expect(try await database.number(Self.days) == 7)
        try await Self.keepHouse()
        #expect(try await database.number(Self.days) == 8)
        try await Self.keepHouse()
        #expect(try await database.number(Self.days) == 8)
        try await database.execute(Self.deliver("now()"))
        #expect(try await database.number("SELECT count(*) FROM settled.deliveries_default") == 0)
    }

    @Test func `a row of a day without a partition is taken all the same, and the day is left there`() async throws {
        let database = try TestDatabase.current
        try await database.execute(Self.deliver("now() + interval '9 days'"))
        #expect(try await database.number("SELECT count(*) FROM settled.deliveries_default") == 1)
        let made = try await database.number("SELECT settled.ensure_partitions('deliveries', 12)")
        #expect(made == 4)
        #expect(try await database.number("SELECT count(*) FROM settled.deliveries") == 1)
    }

    @Test func `what is older than it is kept goes, wherever it is`() async throws {
        let database = try TestDatabase.current
        try await database.execute(
            """
            DO $$
            DECLARE age int;
            BEGIN
                FOREACH age IN ARRAY ARRAY[9, 10, 11, 40] LOOP
                    EXECUTE format('CREATE TABLE settled.%I PARTITION OF settled.deliveries FOR VALUES FROM (%L) TO (%L)',
                        to_char((now() AT TIME ZONE 'UTC')::date - age, '"deliveries_p"YYYYMMDD'),
                        ((now() AT TIME ZONE 'UTC')::date - age)::text || ' 00:00:00+00',
                        ((now() AT TIME ZONE 'UTC')::date - age + 1)::text || ' 00:00:00+00');
                END LOOP;
            END $$
            """)
        for age in [9, 10, 11, 40, 12, 5] { try await database.execute(Self.deliver("now() - interval '\(age) days'")) }
        try await database.execute(
            "INSERT INTO settled.gateway_log (at, job_id, method, verdict, signed) VALUES (now() - interval '31 days', 1, 'm', 'v', true), (now() - interval '29 days', 2, 'm', 'v', true)"
        )
        try await Self.keepHouse { $0.deliveries = 10 }
        let ages = try await database.text(
            """
            SELECT string_agg(age::text, ' ' ORDER BY age) FROM (
                SELECT (now() AT TIME ZONE 'UTC')::date - (received_at AT TIME ZONE 'UTC')::date AS age FROM settled.deliveries
            ) AS kept
            """)
        #expect(ages == "5 9 10")
        #expect(try await database.number("SELECT job_id FROM settled.gateway_log") == 2)
    }

    @Test func `a reader that holds the table does not make the writers queue for long`() async throws {
        let database = try TestDatabase.current
        let reader = try await database.connect()
        try await reader.execute("BEGIN; SELECT count(*) FROM settled.deliveries")
        let keeper = try await database.connect()
        do throws(PostgresError) {
            try await keeper.execute("SET lock_timeout = '1h'; SELECT settled.ensure_partitions('deliveries', 30)")
            Issue.record("it waited until the reader was done")
        } catch {
            #expect(error.sqlState == "55P03")
        }
        await keeper.close()
        await reader.close()
    }
}

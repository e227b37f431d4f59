import Postgres
import TestSupport
import Testing

@Suite(.database) struct ValueTests {
    @Test func everyScalarComesBackAsItWasSent() async throws {
        let time = Timestamp(unixMicroseconds: 1_785_328_496_789_012)
        let connection = try await TestDatabase.current.connect()
        let row = try await connection.query(
            """
            SELECT $1 AS truth, $2 AS small, $3 AS medium, $4 AS large, $5 AS real, $6::text AS words, $7 AS bytes,
                   $8 AS json, $9 AS time
            """,
            [
                .bool(true), .int2(.min), .int4(.min), .int8(.min), .float8(-0.1), .text("户号 🧾 \u{1}"),
                .bytea([0, 255, 10]), .jsonb(#"{"a": [1, "二"]}"#), .timestamptz(time),
            ])[0]
        #expect(try row.bool("truth"))
        #expect(try row.int2("small") == .min)
        #expect(try row.int4("medium") == .min)
        #expect(try row.int8("large") == .min)
        #expect(try row.float8("real") == -0.1)
        #expect(try row.text("words") == "户号 🧾 \u{1}")
        #expect(try row.bytea("bytes") == [0, 255, 10])
        #expect(try row.jsonb("json") == #"{"a": [1, "二"]}"#)
        #expect(try row.timestamptz("time") == time)
    }

    @Test func emptyValuesAreNotNull() async throws {
        let connection = try await TestDatabase.current.connect()
        let row = try await connection.query(
            "SELECT $1::text, $2, $3, $4", [.text(""), .bytea([]), .textArray([]), .int8Array([])])[0]
        #expect(try row.text(0) == "")
        #expect(try row.bytea(1) == [])
        #expect(try row.textArray(2) == [])
        #expect(try row.int8Array(3) == [])
    }

    @Test func nullIsNilInEveryType() async throws {
        let connection = try await TestDatabase.current.connect()
        let row = try await connection.query(
            """
            SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float8, $6::text, $7::bytea, $8::jsonb, $9::timestamptz,
                   $10::int8[], $11::text[]
            """,
            [
                .optional(nil as Bool?), .optional(nil as Int16?), .optional(nil as Int32?), .optional(nil as Int64?),
                .optional(nil as Double?), .optional(nil as String?), .optional(nil as [UInt8]?), .optional(jsonb: nil),
                .optional(nil as Timestamp?), .null, .null,
            ])[0]
        #expect(try row.boolOrNil(0) == nil)
        #expect(try row.int2OrNil(1) == nil)
        #expect(try row.int4OrNil(2) == nil)
        #expect(try row.int8OrNil(3) == nil)
        #expect(try row.float8OrNil(4) == nil)
        #expect(try row.textOrNil(5) == nil)
        #expect(try row.byteaOrNil(6) == nil)
        #expect(try row.jsonbOrNil(7) == nil)
        #expect(try row.timestamptzOrNil(8) == nil)
        #expect(try row.int8ArrayOrNil(9) == nil)
        #expect(try row.textArrayOrNil(10) == nil)
        #expect(throws: PostgresError.self) { try row.text(5) }
    }

    /// The server reads each array as text, so that a slip in both our encoder and our decoder would show.
    @Test(arguments: [
        (Parameter.boolArray([true, nil, false]), "{t,NULL,f}"),
        (.int2Array([1, nil, .min]), "{1,NULL,-32768}"),
        (.int4Array([1, nil, .max]), "{1,NULL,2147483647}"),
        (.int8Array([.max, nil]), "{9223372036854775807,NULL}"),
        (.textArray(["a b", "", nil, "NULL", #"q"\"#, "电费"]), #"{"a b","",NULL,"NULL","q\"\\",电费}"#),
        (.byteaArray([[0, 255], [], nil]), #"{"\\x00ff","\\x",NULL}"#),
        (.jsonbArray([#"{"a":1}"#, nil]), #"{"{\"a\": 1}",NULL}"#),
        (.timestamptzArray([Timestamp(unixMicroseconds: 0), nil]), #"{"1970-01-01 00:00:00+00",NULL}"#),
        (.tidArray([TupleID(block: 70_000, offset: 258), nil]), #"{"(70000,258)",NULL}"#),
        (.textArray([]), "{}"),
    ]) func anArrayArrivesWhole(array: Parameter, text: String) async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("SET timezone TO 'UTC'")
        #expect(try await connection.query("SELECT ($1)::text", [array])[0].text(0) == text)
    }

    @Test func arraysComeBack() async throws {
        let connection = try await TestDatabase.current.connect()
        let row = try await connection.query(
            "SELECT $1, $2, ARRAY[1::int2, 2], ARRAY['x'::name], ARRAY[NULL::text]",
            [.int8Array([3, .min]), .textArray(["水费", ""])])[0]
        #expect(try row.int8Array(0) == [3, .min])
        #expect(try row.textArray(1) == ["水费", ""])
        #expect(try row.int8Array(2) == [1, 2])
        #expect(try row.textArray(3) == ["x"])
        #expect(throws: PostgresError.self) { try row.textArray(4) }
    }

    @Test func aPlaceComesBackAsTheServerMeantIt() async throws {
        let connection = try await TestDatabase.current.connect()
        let row = try await connection.query("SELECT '(70000,258)'::tid, 1::int8")[0]
        #expect(try row.tid(0) == TupleID(block: 70_000, offset: 258))
        #expect(throws: PostgresError.self) { try row.tid(1) }
    }

    @Test func textFitsWhateverTypeThePlaceHas() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute(
            "CREATE TYPE state AS ENUM ('ready'); CREATE TABLE t (state state, id uuid, amount numeric)")
        let row = try await connection.query(
            "INSERT INTO t VALUES ($1, $2, $3) RETURNING state, id, amount::text",
            [.text("ready"), .text("6fa459ea-ee8a-3ca4-894e-db77e160355e"), .text("10.21")])[0]
        #expect(try row.text("state") == "ready")
        #expect(try row.text("id") == "6fa459ea-ee8a-3ca4-894e-db77e160355e")
        #expect(try row.text("amount") == "10.21")
    }

    @Test func nullAndAValueMayTakeTurnsInOneStatement() async throws {
        let connection = try await TestDatabase.current.connect()
        let statement = Statement("turns", "SELECT coalesce($1, 7)")
        #expect(try await connection.query(statement, [.null])[0].int4(0) == 7)
        #expect(try await connection.query(statement, [.int8(1 << 40)])[0].int8(0) == 1 << 40)
        #expect(try await connection.query(statement, [.null])[0].int4(0) == 7)
    }

    @Test func integersWidenAndNeverNarrow() async throws {
        let connection = try await TestDatabase.current.connect()
        let row = try await connection.query("SELECT 1::int2, 1::int4, 1::int8, 4000000000::oid")[0]
        #expect(try row.int8(0) == 1)
        #expect(try row.int8(1) == 1)
        #expect(try row.int8(3) == 4_000_000_000)
        #expect(throws: PostgresError.self) { try row.int4(2) }
    }

    @Test(arguments: [
        Parameter.text("a\0b"), .textArray(["ok", "\0"]), .jsonb("\"\0\""), .jsonbArray(["\0"]),
        .timestamptz(Timestamp(unixMicroseconds: .min)),
    ]) func whatPostgresCannotKeepIsRefusedBeforeItIsSent(parameter: Parameter) async throws {
        let connection = try await TestDatabase.current.connect()
        let error = try await postgresError { _ = try await connection.query("SELECT $1", [parameter]) }
        #expect(error?.code == .invalidParameter)
        #expect(error?.isTransient == false)
        #expect(try await connection.query("SELECT 1")[0].int4(0) == 1)
    }

    @Test func aRowLendsItsBytesAsTheyCame() async throws {
        let connection = try await TestDatabase.current.connect()
        let row = try await connection.query("SELECT '\\x00ff'::bytea, 'é'::text, NULL::bytea, 7::int8, ''::bytea")[0]
        var values: [[UInt8]?] = []
        try row.withBytes { bytes in
            values = [
                try bytes.bytea(0).map(Array.init), try bytes.text(1).map(Array.init),
                try bytes.bytea(2).map(Array.init), try bytes.bytea(4).map(Array.init),
            ]
        }
        #expect(values == [[0, 255], Array("é".utf8), nil, []])
        for wrong in [0, 3, 5, -1] {
            #expect(throws: PostgresError.self) { try row.withBytes { _ = try $0.text(wrong) } }
        }
        #expect(throws: PostgresError.self) { try row.withBytes { _ = try $0.bytea(1) } }
    }

    @Test func aWrongColumnOrTypeIsAnError() async throws {
        let connection = try await TestDatabase.current.connect()
        let row = try await connection.query("SELECT 1::numeric AS amount, 'infinity'::timestamptz")[0]
        for read in [
            { try row.int8("sum") }, { try row.int8(2) }, { try row.int8(-1) }, { try row.int8("amount") },
            { try row.timestamptz(1).unixMicroseconds },
        ] {
            #expect(throws: PostgresError.self) { try read() }
        }
    }
}

@Suite struct TimestampTests {
    @Test(arguments: [
        (0 as Int64, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000Z"), (1_785_328_496_789_012, "2026-07-29T12:34:56.789Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00.000Z"), (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"),
    ]) func rfc3339IsInUTC(microseconds: Int64, text: String) {
        #expect(Timestamp(unixMicroseconds: microseconds).rfc3339 == text)
    }

    @Test func anOffsetShiftsTheClockAndIsNamed() {
        let time = Timestamp(unixMicroseconds: 1_785_328_496_789_012)
        #expect(time.rfc3339(offsetSeconds: 28_800) == "2026-07-29T20:34:56.789+08:00")
        #expect(time.rfc3339(offsetSeconds: -12_600) == "2026-07-29T09:04:56.789-03:30")
    }

    @Test func arithmeticStopsAtTheEndsOfTheScale() {
        let last = Timestamp(unixMicroseconds: .max)
        #expect(last + .seconds(1) == last)
        #expect(Timestamp(unixMicroseconds: .min) - .seconds(1) == Timestamp(unixMicroseconds: .min))
        #expect(Timestamp(unixMicroseconds: 5_000_000) - Timestamp(unixMicroseconds: 2_000_000) == .seconds(3))
        #expect(Timestamp(unixMicroseconds: 0) + .milliseconds(1) == Timestamp(unixMicroseconds: 1_000))
    }
}

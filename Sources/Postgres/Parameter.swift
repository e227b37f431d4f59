/// A value for a `$1` in a statement. All but text travel in PostgreSQL's binary form.
///
/// `text` is sent without a type, so that the server takes it for what the place needs (text, varchar, an enum, uuid,
/// numeric, interval …); where nothing decides, write a cast: `$1::text`. Every other case names its type.
/// Text with a NUL character is refused with ``PostgresError/Code/invalidParameter`` before anything is sent.
public enum Parameter: Sendable, Hashable {
    case null
    case bool(Bool)
    case int2(Int16)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case text(String)
    case bytea([UInt8])
    /// JSON text; the server checks it.
    case jsonb(String)
    case timestamptz(Timestamp)
    case boolArray([Bool?])
    case int2Array([Int16?])
    case int4Array([Int32?])
    case int8Array([Int64?])
    case textArray([String?])
    case byteaArray([[UInt8]?])
    case jsonbArray([String?])
    case timestamptzArray([Timestamp?])
    case tidArray([TupleID?])
}

/// NULL for nil, else the value in the obvious type.
extension Parameter {
    public static func optional(_ value: Bool?) -> Parameter { value.map { .bool($0) } ?? .null }
    public static func optional(_ value: Int16?) -> Parameter { value.map { .int2($0) } ?? .null }
    public static func optional(_ value: Int32?) -> Parameter { value.map { .int4($0) } ?? .null }
    public static func optional(_ value: Int64?) -> Parameter { value.map { .int8($0) } ?? .null }
    public static func optional(_ value: Double?) -> Parameter { value.map { .float8($0) } ?? .null }
    public static func optional(_ value: String?) -> Parameter { value.map { .text($0) } ?? .null }
    public static func optional(_ value: [UInt8]?) -> Parameter { value.map { .bytea($0) } ?? .null }
    public static func optional(jsonb value: String?) -> Parameter { value.map { .jsonb($0) } ?? .null }
    public static func optional(_ value: Timestamp?) -> Parameter { value.map { .timestamptz($0) } ?? .null }
}

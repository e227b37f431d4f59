extension JSONValue {
    /// Reads one JSON text, UTF-8 and strict; for whoever has to look into a value without trusting it.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try JSONScanner.value(of: bytes)
    }
}

import Testing
import Wire

@Suite struct AmountTests {
    @Test(arguments: [
        ("0", 0), ("0.0", 0), ("0.00", 0), ("0.01", 1), ("0.1", 10), ("1", 100), ("10", 1000), ("10.2", 1020),
        ("10.20", 1020), ("10.21", 1021), ("20.50", 2050), ("99999999999.99", 9_999_999_999_999),
    ])
    func `an amount is read exactly`(text: String, fen: Int64) {
        #expect(Amount(yuan: text)?.fen == fen)
    }

    @Test(arguments: [
        "", " ", "-1", "+1", "-0.01", "1e3", "1E3", "NaN", "inf", "0x10", "0.001", "10.210", "10,00", "1,000",
        "1,000.00", "10.", ".5", ".", "10..2", "10.2.1", " 10", "10 ", "1 0", "10\n", "\u{FF11}\u{FF10}",
        "\u{0661}", "010", "00", "00.10", "100000000000", "100000000000.00", "99999999999999999999", "10.21\0",
        "88.88abc", "¥10", "10元", "1_0",
    ])
    func `anything else is no amount`(text: String) {
        #expect(Amount(yuan: text) == nil)
    }

    @Test(arguments: [
        (0, "0.00"), (5, "0.05"), (50, "0.50"), (1021, "10.21"), (-1021, "-10.21"), (-5, "-0.05"), (100, "1.00"),
        (Int64.max, "92233720368547758.07"), (Int64.min, "-92233720368547758.08"),
    ])
    func `an amount is written with two decimals`(fen: Int64, text: String) {
        #expect(Amount(fen: fen).yuan == text)
    }

    @Test func `writing and reading give the same amount`() {
        for fen in stride(from: Int64(0), to: 1_000_000, by: 997) {
            #expect(Amount(yuan: Amount(fen: fen).yuan)?.fen == fen)
        }
        #expect(Amount(fen: 1020) == Amount(yuan: "10.2"))
        #expect(Amount(fen: 999) < Amount(fen: 1000))
    }
}

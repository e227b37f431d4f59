import Testing

@testable import Taobao

@Suite struct AmountUnitTests {
    static let texts: [(text: String, fen: Int64?, yuan: Int64?)] = [
        ("50", 50, 5000), ("0", 0, 0), ("0.50", nil, 50), ("50.0", nil, 5000), ("1e2", nil, nil), ("-5", nil, nil),
        ("+5", nil, nil), (" 5", nil, nil), ("", nil, nil), ("05", nil, nil), ("5,000", nil, nil), ("５", nil, nil),
        ("9999999999999", 9_999_999_999_999, nil), ("99999999999", 99_999_999_999, 9_999_999_999_900),
        ("10000000000000", nil, nil), ("50.", nil, nil), ("0.505", nil, nil), ("0x10", nil, nil), ("5\u{0}", nil, nil),
    ]

    @Test(arguments: texts)
    func `an amount is read in its unit or not at all`(text: String, fen: Int64?, yuan: Int64?) {
        #expect(AmountUnit.fen.fen(text) == fen)
        #expect(AmountUnit.yuan.fen(text) == yuan)
    }
}

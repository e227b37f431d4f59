import Testing
import Wire

@Suite struct ShanghaiTimeTests {
    @Test(arguments: [
        ("1970-01-01 08:00:00", 0), ("1970-01-01 00:00:00", -28800), ("2014-11-27 15:45:57", 1_417_074_357),
        ("2024-02-29 23:59:59", 1_709_222_399), ("2000-02-29 00:00:00", 951_753_600),
        ("2026-03-18 22:07:07", 1_773_842_827), ("9999-12-31 23:59:59", 253_402_271_999),
    ])
    func `a time is GMT+8`(text: String, seconds: Int64) {
        #expect(ShanghaiTime.parse(text) == seconds)
        #expect(ShanghaiTime.format(unixSeconds: seconds) == text)
    }

    @Test(arguments: [
        "", "2026-02-30 00:00:00", "2026-02-29 00:00:00", "2100-02-29 00:00:00", "0000-01-01 00:00:00",
        "1969-12-31 23:59:59", "2026-00-10 00:00:00", "2026-13-10 00:00:00", "2026-04-31 00:00:00",
        "2026-01-00 00:00:00", "2026-01-01 24:00:00", "2026-01-01 00:60:00", "2026-01-01 00:00:60",
        "2026-1-1 0:0:0", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-01-01 00:00:00+08:00",
        " 2026-01-01 00:00:00", "2026-01-01 00:00:00 ", "2026/01/01 00:00:00", "2026-01-01",
        "２０26-01-01 00:0", "-026-01-01 00:00:00", "2026-01-01 00:00:00.5",
    ])
    func `what the calendar or the form does not have is refused`(text: String) {
        #expect(ShanghaiTime.parse(text) == nil)
    }

    @Test func `a fraction is dropped where it may stand, and refused elsewhere`() {
        for text in ["2014-11-27 15:45:57.3", "2014-11-27 15:45:57.320", "2014-11-27 15:45:57.123456789"] {
            #expect(ShanghaiTime.parse(text, fraction: .ignored) == 1_417_074_357)
            #expect(ShanghaiTime.parse(text) == nil)
        }
        #expect(ShanghaiTime.parse("2014-11-27 15:45:57", fraction: .ignored) == 1_417_074_357)
        for rest in [".", ",3", ".3x", ".1234567890", ".3 "] {
            #expect(ShanghaiTime.parse("2014-11-27 15:45:57" + rest, fraction: .ignored) == nil)
        }
    }

    @Test func `days of four centuries are read as they were written`() {
        for day in stride(from: Int64(0), to: 146_097, by: 13) {
            let seconds = day * 86400 + day % 86400
            #expect(ShanghaiTime.parse(ShanghaiTime.format(unixSeconds: seconds)) == seconds)
        }
    }
}

/// The times that Alipay and TOP write, `yyyy-MM-dd HH:mm:ss`: always GMT+8, whatever the time zone of this machine.
public enum ShanghaiTime {
    /// Whether a fraction of a second may follow (`.5`, `.123`), which some fields such as `gmt_refund` carry. It is
    /// dropped.
    public enum Fraction: Sendable {
        case refused, ignored
    }

    /// The Unix time in seconds, or nil where the text is no such time: another form, a day that the calendar does not
    /// have, an hour 24, a second 60, or a year before 1970.
    public static func parse(_ text: String, fraction: Fraction = .refused) -> Int64? {
        var text = text
        return text.withUTF8 { parse($0, fraction: fraction) }
    }

    private static func parse(_ text: UnsafeBufferPointer<UInt8>, fraction: Fraction) -> Int64? {
        guard text.count == 19 || fraction == .ignored && (21...29).contains(text.count) else { return nil }
        for (index, byte) in text.enumerated() {
            switch index {
            case 4, 7: guard byte == UInt8(ascii: "-") else { return nil }
            case 10: guard byte == UInt8(ascii: " ") else { return nil }
            case 13, 16: guard byte == UInt8(ascii: ":") else { return nil }
            case 19: guard byte == UInt8(ascii: ".") else { return nil }
            default: guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            }
        }
        func number(_ range: Range<Int>) -> Int64 {
            range.reduce(0) { $0 * 10 + Int64(text[$1] - UInt8(ascii: "0")) }
        }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
        guard year >= 1970, (1...12).contains(month), (1...daysInMonth(year, month)).contains(day),
            hour < 24, minute < 60, second < 60
        else { return nil }
        return days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    }

    /// The time in Shanghai of a Unix time in seconds, `yyyy-MM-dd HH:mm:ss`. Times outside the years 1970 to 9999 are
    /// shown as the nearest that has this form.
    public static func format(unixSeconds: Int64) -> String {
        let local = min(max(unixSeconds, -offset), latest) + offset
        let (year, month, day) = date(local / 86400)
        let second = local % 86400
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month))-\(two(day)) "
            + "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }

    /// China has kept GMT+8 without summer time since 1991, and Alipay's pages say GMT+8 for all times.
    private static let offset: Int64 = 8 * 3600

    /// 9999-12-31 23:59:59 in Shanghai.
    private static let latest: Int64 = 253_402_300_799 - offset

    private static func daysInMonth(_ year: Int64, _ month: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01. Years are counted from March, so that the leap day is the last of its year.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    /// The date that lies `days` (0 or more) after 1970-01-01.
    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }
}

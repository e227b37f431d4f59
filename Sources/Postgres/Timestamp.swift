import Glibc

/// A point in time as PostgreSQL's `timestamptz` keeps it: whole microseconds, UTC.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var unixMicroseconds: Int64

    public init(unixMicroseconds: Int64) {
        self.unixMicroseconds = unixMicroseconds
    }

    public init(unixSeconds: Int64) {
        let (product, overflow) = unixSeconds.multipliedReportingOverflow(by: 1_000_000)
        self.unixMicroseconds = overflow ? (unixSeconds < 0 ? .min : .max) : product
    }

    /// This machine's clock. Leases and schedules use the database's clock instead.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(unixMicroseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.unixMicroseconds < right.unixMicroseconds
    }

    /// `later - earlier`, saturating at the ends of the scale.
    public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .microseconds(saturating(later.unixMicroseconds.subtractingReportingOverflow(earlier.unixMicroseconds)))
    }

    public static func + (time: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(
            unixMicroseconds: saturating(time.unixMicroseconds.addingReportingOverflow(microseconds(of: duration))))
    }

    public static func - (time: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(
            unixMicroseconds: saturating(time.unixMicroseconds.subtractingReportingOverflow(microseconds(of: duration)))
        )
    }

    private static func saturating(_ result: (partialValue: Int64, overflow: Bool)) -> Int64 {
        // A sum that overflowed has the sign opposite to the true one.
        result.overflow ? (result.partialValue < 0 ? .max : .min) : result.partialValue
    }

    private static func microseconds(of duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow
            ? (seconds < 0 ? .min : .max) : saturating(product.addingReportingOverflow(attoseconds / 1_000_000_000_000))
    }

    public var description: String { rfc3339 }

    /// RFC 3339 in UTC with milliseconds: `2026-07-29T12:34:56.789Z`.
    public var rfc3339: String { civil(offsetSeconds: 0) + "Z" }

    /// RFC 3339 with milliseconds at a fixed offset from UTC: `2026-07-29T20:34:56.789+08:00` for 28 800.
    public func rfc3339(offsetSeconds: Int) -> String {
        let minutes = abs(offsetSeconds) / 60
        return civil(offsetSeconds: offsetSeconds) + (offsetSeconds < 0 ? "-" : "+")
            + "\(padded(minutes / 60, 2)):\(padded(minutes % 60, 2))"
    }

    private func civil(offsetSeconds: Int) -> String {
        let (second, microsecond) = floorDivide(unixMicroseconds, 1_000_000)
        let (day, secondOfDay) = floorDivide(second + Int64(offsetSeconds), 86_400)
        let (year, month, dayOfMonth) = date(daysSince1970: day)
        let clock = [secondOfDay / 3_600, secondOfDay / 60 % 60, secondOfDay % 60].map { padded(Int($0), 2) }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))T\(clock.joined(separator: ":"))"
            + ".\(padded(Int(microsecond / 1_000), 3))"
    }

    /// Gregorian date of a day number, by counting in 400-year eras that begin on 1 March, so that leap days come last.
    private func date(daysSince1970: Int64) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = floorDivide(daysSince1970 + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (
            Int(yearOfEra + era * 400 + (month <= 2 ? 1 : 0)), Int(month),
            Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
        )
    }

    private func floorDivide(_ dividend: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(abs(number))
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

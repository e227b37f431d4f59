import Foundation
import Postgres

extension Timestamp {
    /// For people: this machine's time, with its offset, so that nobody has to guess which zone was meant.
    func local(in zone: TimeZone = .current) -> String {
        let date = Date(timeIntervalSince1970: Double(unixMicroseconds) / 1_000_000)
        return rfc3339(offsetSeconds: zone.secondsFromGMT(for: date))
    }
}

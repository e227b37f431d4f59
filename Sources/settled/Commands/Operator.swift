import Foundation

/// The person at the keyboard, as the audit log will name them.
enum Operator {
    /// `SUDO_USER`, else `USER`, at this host.
    static func name(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        host: String = ProcessInfo.processInfo.hostName
    ) -> String {
        let user = ["SUDO_USER", "USER", "LOGNAME"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        return "\(user ?? NSUserName())@\(host)"
    }
}

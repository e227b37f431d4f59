import Alipay
import Synchronization

/// Everything by which we are known to the outside and believe it, as one value: apps with their keys and certificates,
/// merchants with their tokens, sources with what verifies and acknowledges their notifications.
///
/// What is under way keeps the value that it began with, so that a change never tears a call or a notification.
public final class Credentials: Sendable {
    /// The client of each app, by app id.
    public let gateways: [String: GatewayClient]
    /// What the calls of each app pass, by app id. Doors outlive a change: they know how the gateway fares.
    public let doors: [String: GatewayDoor]
    public let merchants: Merchants
    /// By name.
    public let sources: [String: Source]

    /// - Parameter doors: an app without one gets one with the usual limits.
    public init(
        gateways: [String: GatewayClient] = [:], doors: [String: GatewayDoor] = [:],
        merchants: Merchants = Merchants([]), sources: [Source] = []
    ) {
        self.gateways = gateways
        self.doors = doors.merging(
            gateways.keys.filter { doors[$0] == nil }.map { ($0, GatewayDoor(name: $0)) }, uniquingKeysWith: { $1 })
        self.merchants = merchants
        self.sources = Dictionary(sources.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

/// Holds the ``Credentials`` that count now. Whoever needs them asks for each call or notification anew.
public final class Keyring: Sendable {
    private let credentials: Mutex<Credentials>

    public init(_ credentials: Credentials) { self.credentials = Mutex(credentials) }

    public var current: Credentials { credentials.withLock { $0 } }

    /// What begins from now on uses `credentials`.
    public func replace(with credentials: Credentials) { self.credentials.withLock { $0 = credentials } }
}

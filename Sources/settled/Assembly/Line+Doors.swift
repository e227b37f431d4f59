import JobQueue
import Settlement
import Telemetry

extension Line {
    /// The door of each app, by app id: every call of its gateway passes it, whichever queue's job makes the call.
    static func doors(_ settings: Settings, _ metrics: Metrics) -> [String: GatewayDoor] {
        Dictionary(
            settings.apps.map { ($0.id, door($0.id, settings.limits(of: $0.id), metrics)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// - Parameter name: the app id, or `top:APPKEY`; names the door in metrics and hold keys.
    static func door(_ name: String, _ limits: GatewayLimits, _ metrics: Metrics) -> GatewayDoor {
        GatewayDoor(name: name, limits: limits) { state in
            switch state {
            case .closed: metrics.breakerState(gateway: name, .closed)
            case .halfOpen: metrics.breakerState(gateway: name, .halfOpen)
            case .open: metrics.breakerState(gateway: name, .open)
            }
        }
    }
}

import Alipay
import Settlement
import Wire

extension Credentials {
    /// - Parameters:
    ///   - apps: their keys, parsed.
    ///   - doors: those that exist; the door of an app that is new is made with its own limits.
    convenience init(
        _ settings: Settings, apps: [String: GatewayApp], transport: any GatewayTransport,
        doors: [String: GatewayDoor]
    ) throws {
        self.init(
            gateways: apps.mapValues {
                GatewayClient(app: $0, transport: transport, deadline: settings.gateway.deadline)
            },
            doors: doors, merchants: Merchants(settings.merchants.map(Merchant.init)),
            sources: try settings.sources.map { source in
                guard let app = apps[source.appID] else {
                    throw CommandFailure("source \(source.name): app \(source.appID) has no keys", .configuration)
                }
                return try Source(source, app: app, limits: settings.limits)
            })
    }
}

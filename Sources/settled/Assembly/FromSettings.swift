import Alipay
import Settlement
import Web

// What the settings say, in the terms of the parts that are configured by them.

extension Source {
    convenience init(_ settings: SourceSettings, app: GatewayApp, limits: LimitSettings) throws {
        self.init(
            name: settings.name, appID: settings.appID,
            verifier: NotificationVerifier(
                profile: settings.profile, algorithms: Set(settings.signTypes), keys: app.alipayKeys,
                certificates: app.certificateMode?.trust,
                dropsEmptyValues: settings.dropsEmptyValues,
                acceptsMissingContentType: settings.missingContentType == .form,
                limits: FormLimits(
                    bytes: limits.body, parameters: limits.parameters,
                    nameBytes: FormLimits.notification.nameBytes)),
            acknowledgement: try Acknowledgement(
                style: settings.ack, key: app.privateKey, algorithm: app.algorithm),
            merchant: settings.merchant,
            billsMismatch: settings.billsMismatch == .settleTotal ? .settleTotal : .quarantine,
            retry: RetryPolicies(usual: settings.retry.usual, notExisting: settings.retry.notExisting))
    }
}

extension Merchant {
    init(_ settings: MerchantSettings) {
        self.init(
            sellerID: settings.sellerID, appID: settings.appID, communities: Set(settings.communities),
            token: settings.appAuthToken?.reveal())
    }
}

extension WebLimits {
    init(_ settings: LimitSettings) {
        self.init()
        body = settings.body
        headers = settings.headers
        arrival = settings.requestDeadline
        idle = settings.idleTimeout
        connections = settings.connections
    }
}

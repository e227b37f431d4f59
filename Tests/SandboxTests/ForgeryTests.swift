import Alipay
import Testing

@testable import Sandbox

@Suite("Notifications and their forgeries, read by the notification verifier")
struct ForgeryTests {
    private static let formats: [CanonicalForm] = [.v2, .v1]

    @Test("A genuine message verifies under its own profile and under no other", arguments: formats)
    func genuine(form: CanonicalForm) throws {
        let keys = try TestKeys.keys()
        let message = message(form)
        let sealed = try message.sealed(with: keys.alipay)
        let notification = try verify(sealed, form, keys)
        #expect(notification.canonicalForm == form)
        #expect(notification["trade_no"] == someTrade().tradeNo)
        #expect(notification["body"] == someTrade().bizEntityID)
        #expect(throws: NotificationRejection.self) { try verify(sealed, form == .v1 ? .v2 : .v1, keys) }
    }

    @Test("Chinese in GBK verifies and reads back, under both of its labels", arguments: ["GBK", "gb2312"])
    func gbk(label: String) throws {
        let keys = try TestKeys.keys()
        let sealed = try message(.v2).inGBK(label: label).sealed(with: keys.alipay)
        let notification = try verify(sealed, .v2, keys)
        #expect(notification["body"] == someTrade().bizEntityID)
        #expect(sealed.contentType.hasSuffix("charset=\(label)"))
    }

    @Test("Every forgery is refused for the cause that it names", arguments: Forgery.allCases, formats)
    func refused(forgery: Forgery, form: CanonicalForm) throws {
        let keys = try TestKeys.keys()
        let sealed = try forgery.sealed(message(form), keys: keys)
        let rejection = try #require(throws: NotificationRejection.self) { try verify(sealed, form, keys) }
        #expect(rejection.cause.rawValue == forgery.cause)
        #expect(rejection.status == forgery.status)
    }

    @Test("The forgeries are the lies that they claim to be: a careless receiver believes them")
    func wouldBeBelieved() throws {
        let keys = try TestKeys.keys()
        for form in Self.formats {
            let message = message(form)
            let profile: NotificationProfile = form == .v1 ? .trade : .cplife
            // Configured with its own public key as Alipay's.
            _ = try NotificationVerifier(profile: profile, keys: [keys.app.publicKey])
                .verify(Forgery.appKey.sealed(message, keys: keys))
            _ = try NotificationVerifier(profile: profile, keys: [keys.stranger.publicKey])
                .verify(Forgery.strangerKey.sealed(message, keys: keys))
            // Trying both canonical forms.
            _ = try NotificationVerifier(profile: .auto, keys: [keys.alipay.publicKey])
                .verify(Forgery.otherForm.sealed(message, keys: keys))
            // Letting the message choose the algorithm.
            _ = try NotificationVerifier(profile: profile, algorithms: [.rsa2, .rsa], keys: [keys.alipay.publicKey])
                .verify(Forgery.downgradedAlgorithm.sealed(message, keys: keys))
        }
    }

    @Test("A message in RSA (SHA-1) verifies where that is allowed")
    func legacy() throws {
        let keys = try TestKeys.keys()
        var message = message(.v2)
        message.algorithm = .rsa
        let sealed = try message.sealed(with: keys.alipay)
        _ = try NotificationVerifier(profile: .cplife, algorithms: [.rsa], keys: [keys.alipay.publicKey]).verify(sealed)
        #expect(throws: NotificationRejection.self) { try verify(sealed, .v2, keys) }
    }

    private func message(_ form: CanonicalForm) -> NotificationMessage {
        let trade = someTrade()
        return form == .v2
            ? NotificationText.cplife(
                trade, path: "https://pay.example.com/notify/cplife", notifiedAt: trade.paidAt + 2)
            : NotificationText.trade(trade, appID: "2021000000000001", notifyID: "1", notifiedAt: trade.paidAt + 2)
    }

    @discardableResult
    private func verify(
        _ sealed: SealedNotification, _ form: CanonicalForm, _ keys: SandboxKeys
    ) throws -> Alipay.Notification {
        try NotificationVerifier(profile: form == .v1 ? .trade : .cplife, keys: [keys.alipay.publicKey]).verify(sealed)
    }
}

extension NotificationVerifier {
    fileprivate func verify(_ sealed: SealedNotification) throws -> Alipay.Notification {
        try verify(body: sealed.body, contentType: sealed.contentType)
    }
}

import Alipay

/// The certificates of the play: the authority, the application's certificate and Alipay's first one.
public struct SandboxCertificates: Sendable {
    public let authority: SandboxAuthority
    /// `app_cert_file`.
    public let app: String
    /// `alipay_cert_file`: with the intermediate after it.
    public let alipay: String
    let appNumber: String
    let alipayNumber: String
    let rootNumber: String

    public init(_ keys: SandboxKeys, authority: SandboxAuthority, appID: String) throws {
        self.authority = authority
        app = try authority.certificate(of: keys.app, named: appID, serial: 0x1001)
        alipay = try authority.certificate(of: keys.alipay, named: "Alipay-\(appID)", serial: 0x2001)
        appNumber = try Certificate(text: app).number
        alipayNumber = try Certificate(text: alipay).number
        rootNumber = try RootBundle(text: authority.bundle).number
    }
}

import Synchronization
import Wire

/// Who we are at TOP, and how we ask.
public struct TaobaoApp: Sendable {
    /// The form in which answers are asked for; whatever comes is read by what it is.
    public enum Format: Sendable, Hashable {
        /// `isSimplified` asks for JSON without the method's own node and without the items' wrappers.
        case json(isSimplified: Bool)
        case xml
    }

    public let gateway: GatewayAddress
    public let appKey: String
    let secret: AppSecret
    public let session: SessionKey
    public let signMethod: SignMethod
    public let format: Format

    public init(
        gateway: GatewayAddress, appKey: String, secret: String, session: SessionKey = SessionKey(nil),
        signMethod: SignMethod = .hmacSHA256, format: Format = .json(isSimplified: false)
    ) {
        self.gateway = gateway
        self.appKey = appKey
        self.secret = AppSecret(text: secret)
        self.session = session
        self.signMethod = signMethod
        self.format = format
    }

    /// Signs a call of `method` with the struct parameter `param`, which is serialised once, by the caller.
    ///
    /// - Parameter timestamp: Unix seconds; TOP accepts ten minutes to either side, read in China's time.
    func sign(_ method: String, param: String, timestamp: Int64) throws(SigningError) -> SignedForm {
        var parameters = [
            "method": method, "app_key": appKey, "v": "2.0", "param": param,
            "timestamp": ShanghaiTime.format(unixSeconds: timestamp),
        ]
        parameters["session"] = session.current
        switch format {
        case .json(let isSimplified):
            parameters["format"] = "json"
            if isSimplified { parameters["simplify"] = "true" }
        case .xml: parameters["format"] = "xml"
        }
        return try SignedForm(parameters, method: signMethod, secret: secret.text)
    }
}

/// The app's secret; its text is not shown where a value is printed.
struct AppSecret: Sendable, CustomStringConvertible, CustomReflectable {
    let text: String
    var description: String { "(secret)" }
    var customMirror: Mirror { Mirror(self, children: []) }
}

/// The session key of the user who authorised the app. It runs out, and can be replaced while calls are made with it.
public final class SessionKey: Sendable, CustomStringConvertible, CustomReflectable {
    private let key: Mutex<String?>

    public init(_ key: String?) { self.key = Mutex(key) }

    public var current: String? { key.withLock { $0 } }

    /// The calls that are made from now on use `key`.
    public func replace(with key: String?) { self.key.withLock { $0 = key } }

    public var description: String { "(session key)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

import Alipay

/// One request to a notification endpoint, as it came over the wire.
public struct Delivery: Sendable {
    public let body: [UInt8]
    public let contentType: String?
    public let remoteAddress: String?

    public init(body: [UInt8], contentType: String?, remoteAddress: String?) {
        self.body = body
        self.contentType = contentType
        self.remoteAddress = remoteAddress
    }

    /// A text beside the body, if a column can hold it and it is not absurdly long.
    static func storable(_ text: String?) -> String? {
        text.flatMap { $0.utf8.count <= 256 && !$0.utf8.contains(0) ? $0 : nil }
    }
}

/// What is answered to a delivery.
public enum Receipt: Sendable {
    /// Durable, with its job, in one commit that came back without a warning.
    case acknowledged(Acknowledgement, Result)
    /// Not verified, and so never acknowledged. `status` is 400, 401, 415 or 429.
    case refused(status: Int, cause: String)
    /// Not stored durably in time: 503, and the platform sends again.
    case unavailable(cause: String)

    public enum Result: String, Sendable {
        case new, duplicate, quarantined
    }
}

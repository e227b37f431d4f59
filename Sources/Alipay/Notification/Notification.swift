import Wire

/// A notification whose signature holds. Only ``NotificationVerifier`` makes one, so that whoever has it need not ask
/// again.
///
/// It is a hint that something was paid, not the proof: amounts and states are shown and compared, and settled only
/// from the gateway's signed answer.
public struct Notification: Sendable {
    /// The parameters as text, in the order received, without `sign` and without those that count as absent
    /// (``NotificationFlag/unsignedEmpty``). `sign_type` is among them; in the form V1 it is not signed and says no
    /// more than ``algorithm`` does.
    public let parameters: [(name: String, value: String)]
    /// What was odd about it.
    public let flags: Set<NotificationFlag>
    /// The form whose signature held.
    public let canonicalForm: CanonicalForm
    public let algorithm: SignatureAlgorithm
    /// The id of the key that made the signature (``PublicKey/fingerprint``).
    public let keyFingerprint: String
    /// The charset in which ``parameters`` were read; nil where none fitted.
    public let charset: Charset?
    /// The exact bytes that the signature covers.
    public let signedContent: [UInt8]
    /// What makes two deliveries one notification (``NotificationDigest``): 32 bytes.
    public let digest: [UInt8]

    /// A parameter by its exact name, as text; nil where it is absent.
    public subscript(name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }
}

/// The parameters that the line looks at. An empty one is as good as none: nil.
extension Notification {
    public var tradeNo: String? { present("trade_no") }
    public var queryToken: String? { present("query_token") }
    public var tradeStatus: String? { present("trade_status") }
    /// In yuan, as sent.
    public var totalAmount: String? { present("total_amount") }
    public var receiptAmount: String? { present("receipt_amount") }
    public var refundFee: String? { present("refund_fee") }
    public var sellerID: String? { present("seller_id") }
    public var appID: String? { present("app_id") }
    /// `body`: in property-fee results the room, the community and the property side's account, joined with `|`.
    public var bodyText: String? { present("body") }
    /// `det_list`: the ids of the bills, joined with `|`.
    public var detList: String? { present("det_list") }
    public var bizType: String? { present("biz_type") }
    public var outTradeNo: String? { present("out_trade_no") }
    public var buyerUserID: String? { present("buyer_user_id") ?? present("buyer_id") }
    public var buyerLogonID: String? { present("buyer_logon_id") }
    public var notifyID: String? { present("notify_id") }
    public var notifyType: String? { present("notify_type") }
    /// As sent, GMT+8 (``ShanghaiTime``).
    public var notifyTime: String? { present("notify_time") }
    public var gmtPayment: String? { present("gmt_payment") }
    /// The address that the sender believes it called.
    public var requestPath: String? { present("_request_path") }
    /// The label that the parameter `charset` gives.
    public var charsetLabel: String? { present("charset") }

    private func present(_ name: String) -> String? {
        self[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

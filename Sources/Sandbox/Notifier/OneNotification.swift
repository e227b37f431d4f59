import Alipay

extension NotificationMessage {
    /// The property-fee notification of a trade; of its token alone when `byToken` says so and it has one.
    ///
    /// - Parameters:
    ///   - path: the address that it carries as `_request_path`.
    ///   - notifiedAt: Unix seconds.
    public static func cplife(_ trade: Trade, byToken: Bool = false, path: String, notifiedAt: Int64)
        -> NotificationMessage
    {
        if byToken, let token = trade.queryToken {
            return NotificationText.tokenOnly(trade, token: token, path: path, notifiedAt: notifiedAt)
        }
        return NotificationText.cplife(trade, path: path, notifiedAt: notifiedAt)
    }

    /// The notification of a trade in the general trade format.
    public static func trade(_ trade: Trade, appID: String, notifyID: String, notifiedAt: Int64) -> NotificationMessage
    {
        NotificationText.trade(trade, appID: appID, notifyID: notifyID, notifiedAt: notifiedAt)
    }

    /// The same message in GBK, as some senders write it.
    public var writtenInGBK: NotificationMessage { inGBK() }
}

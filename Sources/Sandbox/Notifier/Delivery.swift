/// One notification that the platform (or a forger) will post, again and again until it is acknowledged.
public struct Delivery: Sendable {
    public var id: Int
    /// Which source of the receiver it goes to, e.g. `cplife`.
    public var source: String
    /// What is being played, for tables and findings.
    public var story: Story
    public var message: NotificationMessage
    /// Forged deliveries are posted once: a forger keeps no schedule.
    public var forgery: Forgery?
    /// What the message names, nil where it does not.
    public var tradeNo: String?
    public var queryToken: String?

    public init(
        id: Int, source: String, story: Story, message: NotificationMessage, forgery: Forgery? = nil,
        tradeNo: String? = nil, queryToken: String? = nil
    ) {
        self.id = id
        self.source = source
        self.story = story
        self.message = message
        self.forgery = forgery
        self.tradeNo = tradeNo
        self.queryToken = queryToken
    }

    public var isGenuine: Bool { forgery == nil }

    func sealed(with keys: SandboxKeys) throws -> SealedNotification {
        if let forgery { return try forgery.sealed(message, keys: keys) }
        return try message.sealed(with: keys.alipay)
    }
}

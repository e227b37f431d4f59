import JobQueue

// Questions that no notification asked for: by hand (`settled query`), or because an expected one did not come.
extension PayResultJob {
    /// What stands for the source of a job whose app has none.
    public static let byHand = "manual"

    /// The job that asks. At most one that has not ended asks about a payment, however many want to know.
    ///
    /// - Parameter namedSeller: the seller that somebody named. What was found out by other ways is not part of the key: it may
    ///   be found today and not have been yesterday.
    public func question(namedSeller: String?, priority: Priority) -> NewJob {
        let payment = tradeNo.map { "trade_no:" + $0 } ?? "token:" + (queryToken ?? "")
        return NewJob(
            queue: Self.queue, kind: Self.kind, args: args, priority: priority, subject: subject,
            uniqueKey: ["query", appID, namedSeller ?? "", payment].joined(separator: ":"))
    }
}

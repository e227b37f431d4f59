/// Who sent a request: the peer, or what a trusted proxy says about it.
public struct ClientAddress: Sendable {
    static let forwardedFor = "X-Forwarded-For"
    private let isTrusted: @Sendable (String) -> Bool

    /// - Parameter isTrusted: whether a peer is a proxy whose `X-Forwarded-For` is believed. From anybody else it is ignored.
    public init(isTrusted: @escaping @Sendable (_ peer: String) -> Bool = { _ in false }) { self.isTrusted = isTrusted }

    /// The address for logs and limits, capped in length because a proxy may pass on anything.
    ///
    /// - Parameter forwarded: the header that a proxy writes, ``forwardedFor``.
    func of(_ forwarded: String?, peer: String) -> String {
        guard let forwarded, isTrusted(peer) else { return peer }
        // The last entry is the one that the trusted proxy itself wrote.
        let last = forwarded.split(separator: ",").last.map { String($0.filter { $0 != " " }) } ?? ""
        return last.isEmpty || last.utf8.count > 64 ? peer : last
    }
}

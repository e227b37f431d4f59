import Alipay
import Wire

/// What a pay-result job knows about the payment it asks for: the notification's claims, none of which is believed.
///
/// Stored as the job's `args`; every member but the source and the app may be missing.
public struct PayResultJob: Sendable, Hashable {
    /// The queue and the kind under which these jobs run.
    public static let queue = "pay-results"
    public static let kind = "pay_result"

    public var source: String
    public var appID: String
    public var tradeNo: String?
    public var queryToken: String?
    public var sellerID: String?
    public var communityID: String?
    /// What the notification said was paid. An answer with another total is a conflict for a person.
    public var totalFen: Int64?
    /// A refund that the notification mentions, in fen.
    public var refundFen: Int64?

    public init(
        source: String, appID: String, tradeNo: String? = nil, queryToken: String? = nil, sellerID: String? = nil,
        communityID: String? = nil, totalFen: Int64? = nil, refundFen: Int64? = nil
    ) {
        self.source = source
        self.appID = appID
        self.tradeNo = tradeNo
        self.queryToken = queryToken
        self.sellerID = sellerID
        self.communityID = communityID
        self.totalFen = totalFen
        self.refundFen = refundFen
    }

    /// What people search the job by: the trade number, else the token.
    public var subject: String? { tradeNo ?? queryToken }

    /// The job's arguments as JSON; members without a value are left out.
    public var args: String {
        var json = JSONWriter(capacity: 192)
        json.object { json in
            json.member("source", source)
            json.member("app_id", appID)
            if let tradeNo { json.member("trade_no", tradeNo) }
            if let queryToken { json.member("query_token", queryToken) }
            if let sellerID { json.member("seller_id", sellerID) }
            if let communityID { json.member("community_id", communityID) }
            if let totalFen { json.member("total_fen", totalFen) }
            if let refundFen { json.member("refund_fen", refundFen) }
        }
        return json.string
    }

    /// Reads `args` back; nil when they are not a pay-result job's.
    public init?(args: String) {
        guard let json = try? JSONValue(parsing: Array(args.utf8)), let source = json["source"]?.text,
            let appID = json["app_id"]?.text
        else { return nil }
        self.init(
            source: source, appID: appID, tradeNo: json["trade_no"]?.text, queryToken: json["query_token"]?.text,
            sellerID: json["seller_id"]?.text, communityID: json["community_id"]?.text,
            totalFen: json["total_fen"]?.text.flatMap { Int64($0) },
            refundFen: json["refund_fen"]?.text.flatMap { Int64($0) })
    }
}

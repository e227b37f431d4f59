import Alipay
import Postgres
import Wire

/// The part of a settlement that is numbered, hashed and kept for ever: everything but the persons.
///
/// The text is fixed by the order of the calls below: strings, integers and null only, no white space, UTF-8, members as
/// written here. `entity` comes last, so that the persons can be set in when an item is served without touching a byte of
/// what was hashed. A withheld instalment has members of its own and no persons.
struct FeedPayload: Sendable {
    struct Line: Sendable {
        let id: String
        let period: String?
        let kind: String?
        let amountFen: Int64
    }

    /// What an instalment is known by, instead of a trade and a seller.
    struct Withheld: Sendable {
        let payBizCode: String
        let bizOrderID: String
        let planID: String
        let alipayTradeNo: String?
    }

    let id: Int64
    let kind: String
    let appID: String
    /// Empty, like the seller, for a withheld instalment.
    let tradeNo: String
    let sellerID: String
    let bizType: String?
    let roomID: String?
    let communityID: String?
    let totalFen: Int64
    let currency: String
    let tradeStatus: String
    let assurance: String
    let paidAt: Timestamp?
    let confirmedAt: Timestamp
    let originalID: Int64?
    var bills: [Line] = []
    var funds: [Line] = []
    var withheld: Withheld?

    var bytes: [UInt8] { withheld.map(bytes) ?? paymentBytes }

    private func bytes(_ withheld: Withheld) -> [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object { json in
            json.member("id", id)
            json.member("kind", kind)
            json.member("app_id", appID)
            json.member("pay_biz_code", withheld.payBizCode)
            json.member("biz_order_id", withheld.bizOrderID)
            json.member("plan_id", withheld.planID)
            json.member("alipay_trade_no", orNull: withheld.alipayTradeNo)
            json.member("total_amount", Amount(fen: totalFen).yuan)
            json.member("total_amount_fen", totalFen)
            json.member("currency", currency)
            json.member("trade_status", tradeStatus)
            json.member("assurance", assurance)
            json.member("paid_at", orNull: paidAt?.rfc3339(offsetSeconds: 8 * 3600))
            json.member("confirmed_at", confirmedAt.rfc3339(offsetSeconds: 8 * 3600))
            json.member("original_id", orNull: originalID)
        }
        return json.bytes
    }

    private var paymentBytes: [UInt8] {
        var json = JSONWriter(capacity: 768)
        json.object { json in
            json.member("id", id)
            json.member("kind", kind)
            json.member("app_id", appID)
            json.member("trade_no", tradeNo)
            json.member("seller_id", sellerID)
            json.member("biz_type", orNull: bizType)
            json.member("total_amount", Amount(fen: totalFen).yuan)
            json.member("total_amount_fen", totalFen)
            json.member("currency", currency)
            json.member("trade_status", tradeStatus)
            json.member("assurance", assurance)
            json.member("paid_at", orNull: paidAt?.rfc3339(offsetSeconds: 8 * 3600))
            json.member("confirmed_at", confirmedAt.rfc3339(offsetSeconds: 8 * 3600))
            json.member("original_id", orNull: originalID)
            json.array("bills") { json in
                for bill in bills {
                    json.object { json in
                        json.member("bill_entry_id", bill.id)
                        json.member("acct_period", orNull: bill.period)
                        json.member("cost_type", orNull: bill.kind)
                        json.member("amount", Amount(fen: bill.amountFen).yuan)
                        json.member("amount_fen", bill.amountFen)
                    }
                }
            }
            json.array("funds") { json in
                for fund in funds {
                    json.object { json in
                        json.member("fund_channel", fund.id)
                        json.member("amount", Amount(fen: fund.amountFen).yuan)
                        json.member("amount_fen", fund.amountFen)
                    }
                }
            }
            json.object("entity") { json in
                json.member("room_id", orNull: roomID)
                json.member("community_id", orNull: communityID)
            }
        }
        return json.bytes
    }

    /// The settlement as it is served: the payload with the persons set in.
    ///
    /// - Parameter payload: bytes that ``bytes`` made; they end with the two braces that close `entity` and the object, and
    ///   those of a withheld instalment, which has no persons, with one.
    static func settlement(_ payload: [UInt8], buyerUserID: String?, buyerLogonID: String?, householdID: String?)
        -> [UInt8]
    {
        var json = JSONWriter(capacity: payload.count + 320)
        payload.withUnsafeBytes { payload in
            write(
                payload, to: &json,
                entity: { $0.member("household_id", orNull: householdID) },
                persons: { json in
                    json.member("buyer_user_id", orNull: buyerUserID)
                    json.member("buyer_logon_id", orNull: buyerLogonID)
                })
        }
        return json.bytes
    }

    /// Writes the settlement as it is served, as the member `name` or as a value by itself.
    ///
    /// - Parameters:
    ///   - entity: writes the last members of `entity`.
    ///   - persons: writes the last members of the settlement.
    static func write(
        _ payload: UnsafeRawBufferPointer, as name: StaticString? = nil, to json: inout JSONWriter,
        entity: (inout JSONWriter) -> Void, persons: (inout JSONWriter) -> Void
    ) {
        guard payload.suffix(2).allSatisfy({ $0 == UInt8(ascii: "}") }) else {
            return json.resumeObject(payload, as: name)
        }
        json.resumeObject(UnsafeRawBufferPointer(rebasing: payload.dropLast(2)), as: name)
        entity(&json)
        json.endObject()
        persons(&json)
        json.endObject()
    }
}

/// The hash chain over a feed.
public enum FeedChain {
    /// What stands before the first item.
    public static let genesis = [UInt8](repeating: 0, count: 32)

    /// SHA-256 over the previous hash as 64 lower-case hex characters, the number as 8 bytes big-endian, and the payload.
    public static func hash(previous: [UInt8], seq: Int64, payload: [UInt8]) -> [UInt8] {
        var bytes = Array(Digest.hex(previous).utf8)
        bytes.reserveCapacity(bytes.count + 8 + payload.count)
        withUnsafeBytes(of: seq.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: payload)
        return Digest.sha256(bytes)
    }
}

import Wire

/// Reads a ``PayResult`` from a verified node, in every form that the gateway is known or suspected to use.
///
/// Nobody has shown a real answer with several bills: the API page and the SDKs declare the lists as single objects, the
/// names and the business want lists, other answers of the gateway wrap them or send them as JSON inside a text. So all of
/// these are read (`lines`). What decides about money is never guessed: an amount that is not plain yuan, or a trade
/// number or status that is missing, is an error.
extension PayResult {
    package init(node: JSONObject) throws(PayResultError) {
        guard let tradeNo = try Self.text("trade_no", in: node) else { throw PayResultError(field: "trade_no") }
        guard let status = try Self.text("trade_status", in: node) else { throw PayResultError(field: "trade_status") }
        var flags: Set<Flag> = []
        if status == TradeStatus.misspeltSuccess { flags.insert(.statusMisspelt) }
        let paidAtText = try Self.text("gmt_payment", in: node)
        let paidAt = paidAtText.flatMap { ShanghaiTime.parse($0, fraction: .ignored) }
        if paidAtText != nil, paidAt == nil { flags.insert(.paidAtUnreadable) }
        let entity = BizEntity(text: try Self.text("biz_entity_id", in: node))
        if entity.householdID == nil { flags.insert(.entityIncomplete) }
        let (funds, singleFund) = try Self.lines("fund_bill_list", in: node)
        if singleFund { flags.insert(.fundsSingleObject) }
        let (bills, singleBill) = try Self.lines("assoc_bill_details", in: node)
        if singleBill { flags.insert(.billsSingleObject) }

        self.init(
            tradeNo: tradeNo,
            buyerUserID: try Self.text("buyer_user_id", in: node),
            buyerLogonID: try Self.text("buyer_logon_id", in: node),
            sellerID: try Self.text("seller_id", in: node),
            tradeStatus: TradeStatus(status),
            totalAmount: try Self.amount("total_amount", in: node),
            bizEntity: entity,
            bizType: try Self.bizType(in: node),
            paidAt: paidAt)
        for line in funds {
            // Notifications spell it fundChannel; a list that arrives as a text may come from the same place.
            let channel = try Self.text("fund_channel", in: line)
            let alias = try Self.text("fundChannel", in: line)
            self.funds.append(Fund(channel: channel ?? alias ?? "", amount: try Self.amount("amount", in: line)))
        }
        for line in bills {
            let id = try Self.text("bill_entry_id", in: line)
            if id == nil { flags.insert(.billWithoutID) }
            self.bills.append(
                Bill(
                    id: id ?? "", period: try Self.text("acct_period", in: line),
                    costType: try Self.text("cost_type", in: line),
                    amount: try Self.amount("bill_entry_amount", in: line)))
        }
        self.flags = flags
    }

    // MARK: Fields

    /// A text field, nil when absent, null or blank. Numbers answer with their text. NUL, which no database text can
    /// hold, and containers are errors.
    private static func text(_ field: String, in object: JSONObject) throws(PayResultError) -> String? {
        switch object[field] {
        case nil, .null?: return nil
        case .string(let text)?, .number(let text)?:
            guard !text.utf8.contains(0) else { throw PayResultError(field: field) }
            return text.utf8.allSatisfy { $0 == 0x20 } ? nil : text
        case .bool?, .array?, .object?: throw PayResultError(field: field)
        }
    }

    /// Yuan as a text or as the characters of a number, never by way of a Double.
    private static func amount(_ field: String, in object: JSONObject) throws(PayResultError) -> Amount {
        guard let text = object[field]?.text, let amount = Amount(yuan: text) else {
            throw PayResultError(field: field)
        }
        return amount
    }

    /// `00` may come as the number 0.
    private static func bizType(in object: JSONObject) throws(PayResultError) -> String? {
        if case .number("0")? = object["biz_type"] { return "00" }
        return try text("biz_type", in: object)
    }

    // MARK: Lists

    /// The objects of a field that ought to be a list, and whether it was a bare object instead.
    ///
    /// `[{…}]` and `{"trade_assoc_bill_details":[{…}]}` are lists; `{…}` is one; null, `""`, `{}` and absence are none;
    /// a text is read as JSON, once.
    private static func lines(
        _ field: String, in object: JSONObject
    ) throws(PayResultError) -> (lines: [JSONObject], single: Bool) {
        guard var value = object[field] else { return ([], false) }
        if case .string(let text) = value {
            if text.utf8.allSatisfy({ $0 <= 0x20 }) { return ([], false) }
            guard let inner = try? JSONScanner.value(of: Array(text.utf8)) else {
                throw PayResultError(field: field)
            }
            value = inner
        }
        if case .object(let wrapper) = value, let only = wrapper.members.first?.value, wrapper.members.count == 1 {
            switch only {
            case .array, .object: value = only
            case .null, .bool, .number, .string: break
            }
        }
        switch value {
        case .null: return ([], false)
        case .object(let line): return line.members.isEmpty ? ([], false) : ([line], true)
        case .array(let elements):
            var lines: [JSONObject] = []
            for element in elements {
                guard case .object(let line) = element else { throw PayResultError(field: field) }
                lines.append(line)
            }
            return (lines, false)
        case .bool, .number, .string: throw PayResultError(field: field)
        }
    }
}

extension PayResult.BizEntity {
    init(text: String?) {
        let parts = (text ?? "").split(separator: "|", maxSplits: 2, omittingEmptySubsequences: false)
        func part(_ index: Int) -> String? {
            parts.indices.contains(index) && !parts[index].isEmpty ? String(parts[index]) : nil
        }
        self.init(roomID: part(0), communityID: part(1), householdID: part(2))
    }
}

/// A signed answer whose field is missing or says something that we cannot take for what it should be.
public struct PayResultError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The field's name on the wire. Its content is not repeated: it may be personal.
    public let field: String

    public var description: String { "the signed answer's \(field) is missing or not readable" }
}

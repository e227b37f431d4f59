import Wire

extension AgreementPayBill {
    /// More instalments than an order can have; the public notes say five.
    static let mostDetails = 100

    /// Reads `module`: an object, or the JSON text of one, because its declared type is `Serializable`.
    init(module: AnswerNode) throws(AnswerError) {
        let node = try Self.unwrapped(module)
        guard case .record = node else { throw AnswerError("the module is no object") }
        self.init(
            bizOrderID: try Self.field("biz_order_id", of: node), payBizCode: try Self.field("pay_biz_code", of: node),
            status: Status(try Self.field("pay_status", of: node, longest: 64) ?? ""),
            statusText: try Self.field("pay_status_desc", of: node),
            totalAmount: try Self.field("total_amount", of: node, longest: 64),
            details: try Self.details(node["pay_details"]))
    }

    private static func details(_ list: AnswerNode?) throws(AnswerError) -> [Detail] {
        let elements = try elements(list, depth: 0)
        guard elements.count <= mostDetails else {
            throw AnswerError("pay_details has more than \(mostDetails) entries")
        }
        var details: [Detail] = []
        for element in elements {
            guard let planID = try field("plan_id", of: element, longest: 128) else {
                throw AnswerError("an entry of pay_details has no plan_id")
            }
            guard !details.contains(where: { $0.planID == planID }) else {
                throw AnswerError("pay_details names the plan \(planID) twice")
            }
            details.append(
                Detail(
                    planID: planID, status: try field("pay_status", of: element, longest: 64) ?? "",
                    statusText: try field("pay_status_desc", of: element),
                    amount: try field("amount", of: element, longest: 64),
                    alipayTradeNo: try field("alipay_trade_no", of: element, longest: 64),
                    paidAt: try field("pay_time", of: element).flatMap { ShanghaiTime.parse($0) },
                    createdAt: try field("create_time", of: element).flatMap { ShanghaiTime.parse($0) },
                    errorCode: try field("err_code", of: element), errorMessage: try field("err_msg", of: element)))
        }
        return details
    }

    /// The entries of a list, in whichever of its forms it came: an array, an array or a single object inside the item's
    /// wrapper (`sub_pay_bill_dto`), a single object, the JSON text of one of these; missing, null, `{}`, `[]` and an empty
    /// element are no entries.
    private static func elements(_ list: AnswerNode?, depth: Int) throws(AnswerError) -> [AnswerNode] {
        guard let list, !list.isEmpty else { return [] }
        switch try unwrapped(list) {
        case .list(let elements):
            for element in elements {
                guard case .record = element else { throw AnswerError("an entry of pay_details is no object") }
            }
            return elements
        case .record(let members):
            if depth == 0, members.count == 1, members[0].name == "sub_pay_bill_dto" {
                return try Self.elements(members[0].value, depth: 1)
            }
            return [.record(members)]
        case .text, .nothing: throw AnswerError("pay_details is no list")
        }
    }

    /// JSON inside a text is read, once.
    private static func unwrapped(_ node: AnswerNode) throws(AnswerError) -> AnswerNode {
        guard case .text(let text) = node else { return node }
        do throws(JSONError) {
            return AnswerNode(try JSONValue(parsing: Array(text.utf8)))
        } catch {
            throw AnswerError("a text that should be JSON is none: \(error)")
        }
    }

    /// A field's text, nil when it is missing, null or empty. What no column could hold is refused.
    private static func field(_ name: String, of node: AnswerNode, longest: Int = 2_000) throws(AnswerError) -> String?
    {
        switch node[name] {
        case nil, .nothing?: return nil
        case .text(let text)?:
            guard text.utf8.count <= longest, !text.utf8.contains(0) else {
                throw AnswerError("\(name) is longer than \(longest) bytes, or has the byte 0")
            }
            return text.isEmpty ? nil : text
        case .list?, .record?: throw AnswerError("\(name) is no text")
        }
    }
}

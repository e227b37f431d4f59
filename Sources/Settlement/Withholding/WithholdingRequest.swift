import Taobao
import Wire

/// A request to add orders: `{"biz_order_id":"…","pay_biz_code":"R1"}`, or up to a thousand of them in `{"items":[…]}`.
public struct WithholdingRequest: Sendable {
    public let orders: [WithholdingOrder]
    /// SHA-256 over what was asked.
    let digest: [UInt8]

    public init(parsing body: [UInt8]) throws(InvalidRequest) {
        guard let json = try? JSONValue(parsing: body), case .object(let object) = json else {
            throw InvalidRequest(detail: "the body is no JSON object")
        }
        var orders: [WithholdingOrder] = []
        if let items = object["items"] {
            guard case .array(let elements) = items, (1...1000).contains(elements.count), object.members.count == 1
            else {
                throw InvalidRequest(detail: "items: an array of 1 to 1000 orders, and nothing beside it")
            }
            for (index, element) in elements.enumerated() {
                do throws(InvalidOrder) {
                    orders.append(try WithholdingOrder(json: element))
                } catch {
                    throw InvalidRequest(detail: "items[\(index)].\(error)")
                }
            }
        } else {
            do throws(InvalidOrder) {
                orders = [try WithholdingOrder(json: json)]
            } catch {
                throw InvalidRequest(detail: error.description)
            }
        }
        self.orders = orders
        digest = Digest.sha256(Array("withholdings ".utf8) + body)
    }
}

extension WithholdingOrder {
    /// Reads an order from a JSON object with exactly the two members, both strings.
    public init(json: JSONValue) throws(InvalidOrder) {
        guard case .object(let object) = json else {
            throw InvalidOrder(field: "order", reason: "a JSON object is expected")
        }
        if let other = object.members.first(where: { !["biz_order_id", "pay_biz_code"].contains($0.key) }) {
            throw InvalidOrder(field: String(other.key.prefix(64)), reason: "no member of this name is known")
        }
        guard case .string(let id)? = object["biz_order_id"] else {
            throw InvalidOrder(field: "biz_order_id", reason: "a string is expected")
        }
        guard case .string(let code)? = object["pay_biz_code"] else {
            throw InvalidOrder(field: "pay_biz_code", reason: "a string is expected")
        }
        try self.init(bizOrderID: id, payBizCode: code)
    }
}

import Wire

/// What `alibaba.idle.agreement.pay.query` is asked about: one business order whose money is withheld in instalments.
public struct WithholdingOrder: Sendable, Hashable, CustomStringConvertible {
    /// 业务订单号. Its page gives no length; 128 bytes are accepted here.
    public let bizOrderID: String
    /// 业务编码; `R1` is recycling (回收), the only one that the page names.
    public let payBizCode: String

    /// - Throws: what is wrong with one of the two, in words.
    public init(bizOrderID: String, payBizCode: String) throws(InvalidOrder) {
        guard (1...128).contains(bizOrderID.utf8.count) else {
            throw InvalidOrder(field: "biz_order_id", reason: "1 to 128 bytes are expected")
        }
        guard !bizOrderID.unicodeScalars.contains(where: Self.isUnprintable) else {
            throw InvalidOrder(field: "biz_order_id", reason: "blanks and control characters are not accepted")
        }
        guard (1...16).contains(payBizCode.utf8.count), payBizCode.utf8.allSatisfy(Self.isCodeByte) else {
            throw InvalidOrder(field: "pay_biz_code", reason: "1 to 16 letters, digits or _ are expected, such as R1")
        }
        self.bizOrderID = bizOrderID
        self.payBizCode = payBizCode
    }

    /// The struct parameter `param`, as JSON text. What is signed and sent is this text, so it is written once.
    public var param: String {
        "{\"biz_order_id\":\(JSONWriter.string(bizOrderID)),\"pay_biz_code\":\(JSONWriter.string(payBizCode))}"
    }

    public var description: String { "\(payBizCode) \(bizOrderID)" }

    private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }

    private static func isCodeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// Why an order cannot be asked about.
public struct InvalidOrder: Error, Sendable, Hashable, CustomStringConvertible {
    /// `biz_order_id` or `pay_biz_code`.
    public let field: String
    public let reason: String
    public var description: String { "\(field): \(reason)" }

    public init(field: String, reason: String) {
        self.field = field
        self.reason = reason
    }
}

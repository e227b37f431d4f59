import Wire

/// Decides every answer of the simulated router: checks the call, looks at bans and the session, asks the book. No I/O.
struct TOPDesk: Sendable {
    static let agreementPay = "alibaba.idle.agreement.pay.query"

    let check: TOPCheck
    let book: OrderBook
    /// Whether amounts are written in yuan; the platform's pages do not say which it is.
    let writesYuan: Bool

    func reply(_ body: [UInt8]) -> WireReply {
        let format = TOPCheck.format(of: body)
        do throws(TOPRefusal) {
            let request = try check.request(body)
            if let ban = book.admit(at: WallClock.microseconds()) { throw ban }
            return try answer(request)
        } catch {
            book.noteRefusal(error)
            return reply(TOPText(format: format).error(error, requestID: Self.requestID()), format)
        }
    }

    private func answer(_ request: TOPRequest) throws(TOPRefusal) -> WireReply {
        guard request.method == Self.agreementPay else { throw .invalidMethod }
        if let session = book.session {
            guard let given = request.session else { throw .missingSession }
            guard given == session else { throw .invalidSession }
        }
        guard let param = request.param else { throw .missingArguments }
        guard let id = param["biz_order_id"]?.text, let code = param["pay_biz_code"]?.text, !id.isEmpty, !code.isEmpty
        else { throw .invalidArguments }
        guard let (order, step, fault) = book.ask(id, code) else {
            return business("ORDER_NOT_EXIST", request.format)
        }
        guard let fault else { return truth(order, step, request.format) }
        return play(fault, order, step, request.format)
    }

    private func play(
        _ fault: TOPFault, _ order: PlatformOrder, _ step: PlatformOrder.Step, _ format: TOPRequest.Format
    ) -> WireReply {
        switch fault {
        case .error(let refusal):
            return reply(TOPText(format: format).error(refusal, requestID: Self.requestID()), format)
        case .businessError(let code): return business(code, format)
        case .wrongOrder:
            var other = order
            other.bizOrderID += "0"
            return truth(other, step, format)
        case .missingEcho: return truth(order, step, format, leavingOut: "biz_order_id")
        case .moduleAsText: return truth(order, step, format, isPacked: true)
        case .bareInstalment: return truth(order, step, format, isBare: true)
        case .otherFormat: return truth(order, step, format == .xml ? .json : .xml)
        case .doctype:
            var reply = truth(order, step, .xml)
            reply.body =
                Array("<!DOCTYPE a [<!ENTITY e \"x\">]>".utf8) + reply.body.drop { $0 != UInt8(ascii: ">") }.dropFirst()
            return reply
        case .page(let status): return .page(status)
        case .empty: return reply([], format)
        case .half:
            var half = truth(order, step, format)
            half.delivery = .cut(after: half.body.count / 2)
            return half
        case .reset: return WireReply(delivery: .reset)
        case .late(let delay):
            var late = truth(order, step, format)
            late.delay = delay
            return late
        }
    }

    private func truth(
        _ order: PlatformOrder, _ step: PlatformOrder.Step, _ format: TOPRequest.Format, leavingOut left: String? = nil,
        isPacked: Bool = false, isBare: Bool = false
    ) -> WireReply {
        let instalments = step.instalments.map(node)
        let details: TOPText.Node =
            isBare && instalments.count == 1 ? instalments[0] : .list(item: "sub_pay_bill_dto", instalments)
        let module = TOPText.Node.record(
            [
                ("pay_details", details), ("total_amount", .text(amount(step.totalFen))),
                ("pay_biz_code", .text(order.payBizCode)), ("pay_status_desc", .text(Self.words[step.status] ?? "")),
                ("pay_status", .text(step.status)), ("biz_order_id", .text(order.bizOrderID)),
            ].filter { $0.0 != left })
        let result = TOPText.Node.record([
            ("success", .flag(true)), ("module", isPacked ? .packed(module) : module), ("err_msg", .text("success")),
        ])
        let text = TOPText(format: format)
        return reply(text.answer(result, method: Self.agreementPay, requestID: Self.requestID()), format)
    }

    private func node(_ instalment: PlatformOrder.Instalment) -> TOPText.Node {
        var members: [(String, TOPText.Node)] = []
        if let paidAt = instalment.paidAt {
            members.append(("pay_time", .text(ShanghaiTime.format(unixSeconds: paidAt))))
            members.append(("create_time", .text(ShanghaiTime.format(unixSeconds: paidAt - 60))))
        }
        members.append(("pay_status_desc", .text(Self.words[instalment.status] ?? "")))
        members.append(("pay_status", .text(instalment.status)))
        if let code = instalment.errorCode {
            members.append(("err_code", .text(code)))
            members.append(("err_msg", .text("余额不足")))
        }
        if let trade = instalment.alipayTradeNo { members.append(("alipay_trade_no", .text(trade))) }
        members.append(("amount", .text(amount(instalment.fen))))
        members.append(("plan_id", .text(instalment.planID)))
        return .record(members)
    }

    private func amount(_ fen: Int64) -> String { writesYuan ? Amount(fen: fen).yuan : String(fen) }

    private static let words = [
        "INIT": "初始状态", "PARTIAL_SUCCESSED": "部分成功", "SUCCESSED": "支付成功", "FAILED": "支付失败",
    ]

    private func business(_ code: String, _ format: TOPRequest.Format) -> WireReply {
        let result = TOPText.Node.record([
            ("success", .flag(false)), ("err_code", .text(code)), ("err_msg", .text("订单不存在")),
        ])
        return reply(
            TOPText(format: format).answer(result, method: Self.agreementPay, requestID: Self.requestID()), format)
    }

    private func reply(_ body: [UInt8], _ format: TOPRequest.Format) -> WireReply {
        WireReply(contentType: format == .xml ? "text/xml;charset=UTF-8" : "text/javascript;charset=UTF-8", body: body)
    }

    private static func requestID() -> String {
        String(UInt64.random(in: 0 ... .max), radix: 36)
    }
}

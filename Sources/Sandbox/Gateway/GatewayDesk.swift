import Alipay
import Synchronization
import Wire

/// Decides every answer of the gateway: checks the call, looks the trade up, plays the fault that is due, signs. No I/O.
struct GatewayDesk: Sendable {
    static let payResultQuery = "alipay.eco.cplife.pay.result.query"

    let check: GatewayCheck
    let alipayKey: PrivateKey
    /// Signs what pretends to be Alipay.
    let strangerKey: PrivateKey
    /// Authorisations that exist; a call with any other is refused before the trade is looked at.
    let tokens: Set<String>
    let book: TradeBook
    let rates: FaultRates
    let signed = SignedAnswers()

    func reply(query: [UInt8], body: [UInt8]) throws -> WireReply {
        let request: GatewayRequest
        do throws(GatewayError) {
            request = try check.request(query: query, body: body)
        } catch {
            return try refusal(error, method: Self.payResultQuery, .utf8, .rsa2)
        }
        let staged: StagedTrade
        do throws(GatewayError) {
            staged = try trade(for: request)
        } catch {
            return try refusal(error, method: request.method, request.charset, request.algorithm)
        }
        // Faults are played to those who may see the trade: a fault must not show it to anybody else.
        let isSeen = staged.trade.appAuthToken == request.appAuthToken
        let fault = book.note(about: staged.trade.tradeNo, at: WallClock.microseconds()) { earlier in
            guard isSeen else { return (nil as GatewayFault?, GatewayError.belongsToOthers.subCode) }
            let fault = staged.faults.fault(forCall: earlier) ?? rates.fault(for: staged.trade.tradeNo, call: earlier)
            return (fault, fault?.name ?? "10000")
        }
        guard isSeen else { return try failure(.belongsToOthers, request) }
        if let fault { return try reply(playing: fault, staged, request) }
        return try answer(staged, request)
    }

    /// The trade that is asked for, if it exists. Whose it is comes later: that answer belongs to the trade's own record.
    private func trade(for request: GatewayRequest) throws(GatewayError) -> StagedTrade {
        guard request.method == Self.payResultQuery else { throw .invalidMethod }
        if let token = request.appAuthToken, !tokens.contains(token) { throw .invalidAppAuthToken }
        guard request.tradeNo?.isEmpty == false || request.queryToken?.isEmpty == false else {
            throw .invalidParameter
        }
        guard let staged = book.find(tradeNo: request.tradeNo, queryToken: request.queryToken) else {
            throw .notExisting
        }
        return staged
    }

    private func answer(_ staged: StagedTrade, _ request: GatewayRequest) throws -> WireReply {
        try reply(signedBody(staged, request.charset, request.algorithm), request.charset)
    }

    /// The truth, signed; kept, because signing is nearly all that an answer costs.
    func signedBody(
        _ staged: StagedTrade, _ charset: Charset, _ algorithm: SignatureAlgorithm
    ) throws -> [UInt8] {
        let key = SignedAnswers.Key(
            trade: staged.trade, shape: staged.shape, charset: charset, algorithm: algorithm)
        return try signed.body(key) {
            try AnswerEnvelope(key: alipayKey, algorithm: algorithm, charset: charset).signed(
                PayResultText.success(staged.trade, staged.shape), method: Self.payResultQuery,
                signFirst: staged.shape.putsSignFirst)
        }
    }

    private func failure(_ error: GatewayError, _ request: GatewayRequest) throws -> WireReply {
        try failure(error, method: request.method, request.charset, request.algorithm)
    }

    private func refusal(
        _ error: GatewayError, method: String, _ charset: Charset, _ algorithm: SignatureAlgorithm
    ) throws -> WireReply {
        book.noteRefusal(error.subCode)
        return try failure(error, method: method, charset, algorithm)
    }

    private func failure(
        _ error: GatewayError, method: String, _ charset: Charset, _ algorithm: SignatureAlgorithm
    ) throws -> WireReply {
        let node = PayResultText.failure(error, .plain)
        let envelope = AnswerEnvelope(key: alipayKey, algorithm: algorithm, charset: charset)
        let body =
            try error.isSigned ? envelope.signed(node, method: method) : envelope.unsigned(node, method: method)
        return reply(body, charset)
    }

    private func reply(playing fault: GatewayFault, _ staged: StagedTrade, _ request: GatewayRequest) throws
        -> WireReply
    {
        let node = PayResultText.success(staged.trade, staged.shape)
        let method = request.method
        switch fault {
        case .late(let delay):
            var late = try answer(staged, request)
            late.delay = delay
            return late
        case .status(let code): return page(code)
        case .empty: return reply([], request.charset)
        case .page: return .page(200)
        case .unsignedSuccess: return try reply(envelope(request).unsigned(node, method: method), request.charset)
        case .foreignSignature:
            return try reply(envelope(request, key: strangerKey).signed(node, method: method), request.charset)
        case .signatureOverOtherBytes:
            var other = staged.shape
            other.isSpaced.toggle()
            let others = PayResultText.success(staged.trade, other)
            return try reply(envelope(request).signed(node, method: method, over: others), request.charset)
        case .wrongTrade:
            var another = book.another(than: staged.trade.tradeNo) ?? staged
            if another.trade.tradeNo == staged.trade.tradeNo { another.trade.tradeNo = "2099010100000000000000000000" }
            return try answer(another, request)
        case .gbkAnswer:
            let gbk = AnswerEnvelope(key: alipayKey, algorithm: request.algorithm, charset: .gbk)
            return try reply(gbk.signed(node, method: method), request.charset)
        case .secondNode:
            var dearer = staged.trade
            dearer.totalFen += 100
            let second = PayResultText.success(dearer, staged.shape)
            return try reply(envelope(request).signed(node, method: method, thenAlso: second), request.charset)
        case .unknownError(let signed, let gbk):
            let charset = gbk ? Charset.gbk : request.charset
            return try failure(.unknownError(signed: signed), method: method, charset, request.algorithm)
        case .systemError: return try failure(.systemError, request)
        case .callLimited: return try failure(.callLimited, request)
        case .notExisting: return try failure(.notExisting, request)
        case .belongsToOthers: return try failure(.belongsToOthers, request)
        case .halfBody:
            var half = try answer(staged, request)
            half.delivery = .cut(after: half.body.count / 2)
            return half
        case .reset: return WireReply(delivery: .reset)
        case .drip(let pause):
            var slow = try answer(staged, request)
            slow.delivery = .drip(pause: pause)
            return slow
        case .huge(let count): return reply([UInt8](repeating: 0x20, count: count), request.charset)
        }
    }

    private func page(_ status: Int) -> WireReply {
        var page = WireReply.page(status)
        if status == 429 { page.headers.append(("Retry-After", "1")) }
        if (300..<400).contains(status) { page.headers.append(("Location", "http://127.0.0.1:9/gateway.do")) }
        return page
    }

    private func envelope(_ request: GatewayRequest, key: PrivateKey? = nil) -> AnswerEnvelope {
        AnswerEnvelope(key: key ?? alipayKey, algorithm: request.algorithm, charset: request.charset)
    }

    private func reply(_ body: [UInt8], _ charset: Charset) -> WireReply {
        WireReply(contentType: "text/html;charset=\(charset == .utf8 ? "utf-8" : "GBK")", body: body)
    }
}

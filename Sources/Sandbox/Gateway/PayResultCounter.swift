import Alipay
import Wire

/// The counter of `alipay.eco.cplife.pay.result.query`: looks the trade up in the book and plays the fault that is due.
struct PayResultCounter: GatewayCounter {
    let method = "alipay.eco.cplife.pay.result.query"
    let book: TradeBook
    let rates: FaultRates
    private let signed = SignedAnswers()

    init(book: TradeBook, rates: FaultRates) {
        self.book = book
        self.rates = rates
    }

    func reply(to request: GatewayRequest, from office: AnswerOffice) throws -> WireReply {
        let staged = try trade(for: request)
        // Faults are played to those who may see the trade: a fault must not show it to anybody else.
        let isSeen = staged.trade.appAuthToken == request.appAuthToken
        let fault = book.note(about: staged.trade.tradeNo, at: WallClock.microseconds()) { earlier in
            guard isSeen else { return (nil as GatewayFault?, GatewayError.belongsToOthers.subCode) }
            let fault = staged.faults.fault(forCall: earlier) ?? rates.fault(for: staged.trade.tradeNo, call: earlier)
            return (fault, fault?.name ?? "10000")
        }
        guard isSeen else { return try office.failure(.belongsToOthers, request) }
        if let fault { return try reply(playing: fault, staged, request, office) }
        return try answer(staged, request, office)
    }

    private struct Subject: Decodable {
        var trade_no: String?
        var query_token: String?
    }

    /// The trade that is asked for, if it exists. Whose it is comes later: that answer belongs to the trade's own record.
    private func trade(for request: GatewayRequest) throws(GatewayError) -> StagedTrade {
        let subject = try request.content(as: Subject.self)
        guard subject.trade_no?.isEmpty == false || subject.query_token?.isEmpty == false else {
            throw .invalidParameter
        }
        guard let staged = book.find(tradeNo: subject.trade_no, queryToken: subject.query_token) else {
            throw .notExisting
        }
        return staged
    }

    private func answer(_ staged: StagedTrade, _ request: GatewayRequest, _ office: AnswerOffice) throws -> WireReply {
        if request.isEncrypted {
            let node = PayResultText.success(staged.trade, staged.shape)
            return try office.reply(
                office.envelope(request).signed(node, method: method, signFirst: staged.shape.putsSignFirst),
                request.charset)
        }
        return try office.reply(signedBody(staged, request.charset, request.algorithm, office), request.charset)
    }

    /// The truth, signed; kept, because signing is nearly all that an answer costs.
    func signedBody(
        _ staged: StagedTrade, _ charset: Charset, _ algorithm: SignatureAlgorithm, _ office: AnswerOffice
    ) throws -> [UInt8] {
        let signer = office.seal.signer
        let key = SignedAnswers.Key(
            trade: staged.trade, shape: staged.shape, charset: charset, algorithm: algorithm,
            signer: signer.key.publicKey.fingerprint, certificateNumber: signer.certificateNumber)
        return try signed.body(key) {
            try AnswerEnvelope(signer: signer, algorithm: algorithm, charset: charset).signed(
                PayResultText.success(staged.trade, staged.shape), method: method,
                signFirst: staged.shape.putsSignFirst)
        }
    }

    private func reply(
        playing fault: GatewayFault, _ staged: StagedTrade, _ request: GatewayRequest, _ office: AnswerOffice
    )
        throws -> WireReply
    {
        let node = PayResultText.success(staged.trade, staged.shape)
        switch fault {
        case .late(let delay):
            var late = try answer(staged, request, office)
            late.delay = delay
            return late
        case .status(let code): return page(code)
        case .empty: return office.reply([], request.charset)
        case .page: return .page(200)
        case .unsignedSuccess:
            return try office.reply(office.envelope(request).unsigned(node, method: method), request.charset)
        case .foreignSignature:
            return try office.reply(
                office.envelope(request, key: office.strangerKey).signed(node, method: method), request.charset)
        case .signatureOverOtherBytes:
            var other = staged.shape
            other.isSpaced.toggle()
            let others = PayResultText.success(staged.trade, other)
            return try office.reply(
                office.envelope(request).signed(node, method: method, over: others), request.charset)
        case .wrongTrade:
            var another = book.another(than: staged.trade.tradeNo) ?? staged
            if another.trade.tradeNo == staged.trade.tradeNo { another.trade.tradeNo = "2099010100000000000000000000" }
            return try answer(another, request, office)
        case .gbkAnswer:
            let gbk = AnswerEnvelope(signer: office.seal.signer, algorithm: request.algorithm, charset: .gbk)
            return try office.reply(gbk.signed(node, method: method), request.charset)
        case .secondNode:
            var dearer = staged.trade
            dearer.totalFen += 100
            let second = PayResultText.success(dearer, staged.shape)
            return try office.reply(
                office.envelope(request).signed(node, method: method, thenAlso: second), request.charset)
        case .unknownError(let signed, let gbk):
            let charset = gbk ? Charset.gbk : request.charset
            return try office.failure(.unknownError(signed: signed), method: method, charset, request.algorithm)
        case .systemError: return try office.failure(.systemError, request)
        case .callLimited: return try office.failure(.callLimited, request)
        case .notExisting: return try office.failure(.notExisting, request)
        case .belongsToOthers: return try office.failure(.belongsToOthers, request)
        case .failure(let code, let subCode, let signed):
            return try office.failure(
                GatewayError(code: code, subCode: subCode, subMessage: subCode, isSigned: signed), request)
        case .halfBody:
            var half = try answer(staged, request, office)
            half.delivery = .cut(after: half.body.count / 2)
            return half
        case .reset: return WireReply(delivery: .reset)
        case .drip(let pause):
            var slow = try answer(staged, request, office)
            slow.delivery = .drip(pause: pause)
            return slow
        case .huge(let count): return office.reply([UInt8](repeating: 0x20, count: count), request.charset)
        }
    }

    private func page(_ status: Int) -> WireReply {
        var page = WireReply.page(status)
        if status == 429 { page.headers.append(("Retry-After", "1")) }
        if (300..<400).contains(status) { page.headers.append(("Location", "http://127.0.0.1:9/gateway.do")) }
        return page
    }
}

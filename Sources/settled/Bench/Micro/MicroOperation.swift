import Alipay
import ArgumentParser
import Sandbox
import Settlement
import Wire

/// One step that is measured by itself.
struct MicroOperation: Sendable {
    /// In the order of the line: a notification comes in, is asked about, and is written into the feed.
    enum Name: String, ExpressibleByArgument, CaseIterable, Sendable {
        case formParse = "form-parse"
        case canonicalForm = "canonical-form"
        case verify
        case notification
        case sign
        case payResultRequest = "pay-result-request"
        case jsonScan = "json-scan"
        case envelope
        case answerDecode = "answer-decode"
        case amount
        case chainItem = "chain-item"
    }

    let name: Name
    let about: String
    /// Bytes that one turn reads.
    let bytes: Int
    /// What one turn returns when it did its work.
    let expected: Int
    let turn: @Sendable () throws -> Int
}

extension MicroMessages {
    /// The operation on these messages, with everything that is not measured made beforehand.
    func operation(_ name: MicroOperation.Name) throws -> MicroOperation {
        let body = notification
        let key = keys.alipay.publicKey
        switch name {
        case .formParse:
            return MicroOperation(
                name: name, about: "split and decode the body of a notification", bytes: body.count,
                expected: Self.firstValue.utf8.count
            ) { try FormBody(parsing: body).value(of: Self.firstName)?.count ?? 0 }
        case .canonicalForm:
            let form = try FormBody(parsing: body)
            let content = CanonicalForm.v2.signedContent(of: form)
            return MicroOperation(
                name: name, about: "the text that the notification's signature covers", bytes: body.count,
                expected: content.count
            ) { CanonicalForm.v2.signedContent(of: form).count }
        case .verify:
            let content = CanonicalForm.v2.signedContent(of: try FormBody(parsing: body))
            let signature = try keys.alipay.sign(content, with: .rsa2)
            return MicroOperation(
                name: name, about: "one RSA2 signature checked, 2048 bits", bytes: content.count, expected: 1
            ) { key.verify(signature, over: content, with: .rsa2) ? 1 : 0 }
        case .notification:
            let source = try source
            let merchants = merchants
            return MicroOperation(
                name: name, about: "a notification verified and screened, all but HTTP and database", bytes: body.count,
                expected: 1
            ) {
                let verified = try source.verifier.verify(body: body, contentType: Self.formType)
                guard case .query = Screening(verified, from: source, merchants: merchants) else { return 0 }
                return 1
            }
        case .sign:
            let call = try app.sign(question)
            let key = keys.app
            return MicroOperation(
                name: name, about: "one RSA2 signature made, 2048 bits", bytes: call.stringToSign.count, expected: 256
            ) { try key.sign(call.stringToSign, with: .rsa2).count }
        case .payResultRequest:
            let app = try app
            let question = question
            let signed = try app.sign(question)
            return MicroOperation(
                name: name, about: "a question to the gateway: sign and form", bytes: signed.stringToSign.count,
                expected: signed.contentType.utf8.count
            ) { try app.sign(question).contentType.utf8.count }
        case .jsonScan:
            let answer = answer
            return MicroOperation(
                name: name, about: "the top-level members of an answer, all of its syntax checked", bytes: answer.count,
                expected: 2
            ) { try JSONScanner.topLevel(of: answer, pairedBytes: false).count }
        case .envelope:
            let answer = answer
            let app = try app
            return MicroOperation(
                name: name, about: "an answer opened: scan, verify, read", bytes: answer.count, expected: 1
            ) { try Envelope.open(answer, method: PayResultQuery.method, app: app).isSuccess ? 1 : 0 }
        case .answerDecode:
            let node = try Envelope.open(answer, method: PayResultQuery.method, app: app).node
            return MicroOperation(
                name: name, about: "a pay result read from an opened answer", bytes: answer.count, expected: 2
            ) { try PayResult(node: node).bills.count }
        case .amount:
            let text = Self.total
            return MicroOperation(
                name: name, about: "an amount read from yuan", bytes: text.utf8.count, expected: Self.totalFen
            ) { Int(Amount(yuan: text)?.fen ?? 0) }
        case .chainItem:
            let payload = feedPayload
            let previous = FeedChain.hash(previous: FeedChain.genesis, seq: 1, payload: payload)
            return MicroOperation(
                name: name, about: "the hash of one item of the feed", bytes: payload.count, expected: 32
            ) { FeedChain.hash(previous: previous, seq: 2, payload: payload).count }
        }
    }
}

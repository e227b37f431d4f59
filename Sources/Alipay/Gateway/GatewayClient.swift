import Wire

/// Asks the gateway and believes only what is signed.
///
/// Nothing is repeated here and nothing is thrown: one call, one answer or one failure with its class. Who may ask again
/// and when is for the job to say, so that retries exist in one layer only.
public struct GatewayClient: Sendable {
    public let app: GatewayApp
    private let transport: any GatewayTransport
    private let deadline: Duration
    let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - deadline: for a whole call, from connecting to the last byte.
    ///   - now: the time in microseconds since 1970.
    public init(
        app: GatewayApp, transport: any GatewayTransport, deadline: Duration = .seconds(10),
        now: @escaping @Sendable () -> Int64 = SystemClock.microseconds
    ) {
        self.app = app
        self.transport = transport
        self.deadline = deadline
        self.now = now
    }

    /// Calls any method of the OpenAPI and opens its answer.
    ///
    /// In certificate mode an answer may name a certificate of Alipay's that is new: that is downloaded first, once for all
    /// calls under way, and the same answer opened again.
    public func call(_ method: String, bizContent: String, appAuthToken: String? = nil) async -> GatewayAnswer {
        let answer: TransportAnswer
        switch await exchange(method, bizContent: bizContent, appAuthToken: appAuthToken) {
        case .success(let got): answer = got
        case .failure(let failure): return .failure(failure)
        }
        let first = judge(answer, to: method)
        guard case .failure(let unknown) = first, let number = unknown.certificateNumber else { return first }
        if var failure = await obtainCertificate(number) {
            failure.rawBody = answer.body
            return .failure(failure)
        }
        return judge(answer, to: method)
    }

    /// One request and the HTTP answer to it.
    func exchange(
        _ method: String, bizContent: String, appAuthToken: String?
    ) async -> Result<TransportAnswer, GatewayFailure> {
        let request: SignedRequest
        do throws(SigningError) {
            request = try app.sign(
                GatewayCall(
                    method: method, bizContent: bizContent, appAuthToken: appAuthToken, timestamp: now() / 1_000_000))
        } catch {
            let kind: FailureClass = error.cause == SigningError.unencodable ? .permanent : .operator
            return .failure(GatewayFailure(kind: kind, cause: error.cause, message: error.message))
        }
        do throws(TransportError) {
            return .success(
                try await transport.post(
                    url: request.url, contentType: request.contentType, body: request.body, deadline: deadline))
        } catch {
            return .failure(GatewayFailure(error))
        }
    }

    /// What an HTTP answer to `method` means. Pure, apart from the clock that stamps the evidence.
    func judge(_ answer: TransportAnswer, to method: String) -> GatewayAnswer {
        guard answer.status == 200 else {
            let error = TransportError(
                .httpStatus(answer.status, retryAfter: answer.retryAfter), "the gateway answered HTTP \(answer.status)")
            return .failure(GatewayFailure(error, rawBody: answer.body))
        }
        let envelope: Envelope
        do throws(EnvelopeError) {
            envelope = try Envelope.open(answer.body, method: method, app: app)
        } catch {
            return .failure(GatewayFailure(error, rawBody: answer.body))
        }
        guard envelope.isSuccess, let signature = envelope.signature, let fingerprint = envelope.keyFingerprint else {
            return .failure(GatewayFailure(envelope, rawBody: answer.body))
        }
        return .success(
            envelope,
            GatewayEvidence(
                method: method, rawBody: answer.body, signature: signature, algorithm: app.algorithm,
                keyFingerprint: fingerprint, charset: app.charset, receivedAt: now()))
    }
}

/// What one call brought.
public enum GatewayAnswer: Sendable {
    /// Verified, code 10000, no sub_code.
    case success(Envelope, GatewayEvidence)
    case failure(GatewayFailure)
}

extension GatewayFailure {
    init(_ error: TransportError, rawBody: [UInt8]? = nil) {
        var wait: Duration?
        var kind = FailureClass.transport
        if case .httpStatus(let status, let retryAfter) = error.cause {
            wait = retryAfter
            if status == 429 { kind = .throttle }
        }
        self.init(
            kind: kind, cause: error.cause.name, message: error.message, retryAfter: wait, rawBody: rawBody)
    }

    init(_ error: EnvelopeError, rawBody: [UInt8]) {
        let kind: FailureClass =
            switch error.cause {
            // A proxy's page, half an answer, somebody else's answer: nobody has said anything yet.
            case .empty, .notJSON, .notInCharset, .wrongNode: .transport
            case .missingSign, .badSignature, .duplicateNode, .unknownCertificate, .missingCertificate: .untrusted
            case .notDecryptable, .malformedNode: .malformed
            }
        self.init(kind: kind, cause: error.cause.rawValue, message: error.description, rawBody: rawBody)
        certificateNumber = error.certificateNumber
    }

    /// A failure that the gateway itself reports.
    init(_ envelope: Envelope, rawBody: [UInt8]) {
        let (code, subCode) = (envelope.code, envelope.subCode)
        let words = [code, envelope.message, subCode, envelope.subMessage].compactMap { $0 }
        if envelope.verified, code == "10000", subCode == nil {
            // Signed, but in a charset that nobody asked for: its texts are a guess.
            self.init(
                kind: .untrusted, cause: EnvelopeError.Cause.notInCharset.rawValue, code: code,
                message: "a success in another charset than asked", signed: true, rawBody: rawBody)
            return
        }
        self.init(
            kind: FailureTable.classify(code: code, subCode: subCode), cause: subCode ?? code ?? "no_code", code: code,
            subCode: subCode, message: words.joined(separator: " "), signed: envelope.verified, rawBody: rawBody)
    }
}

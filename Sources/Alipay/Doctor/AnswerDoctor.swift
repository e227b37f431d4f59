import Wire

/// Finds out why the signature of a gateway's answer fails, as ``NotificationDoctor`` does for notifications.
public struct AnswerDoctor: Sendable {
    /// The method that was called.
    public let method: String
    public let keys: [DoctorKey]
    public let algorithm: SignatureAlgorithm
    public let charset: Charset
    public let contentKey: ContentKey?
    /// The app whose answer it is, when all of its keys are in order; it knows about certificates besides.
    public let app: GatewayApp?
    public let budget: DoctorBudget

    public init(
        method: String, keys: [DoctorKey], algorithm: SignatureAlgorithm = .rsa2, charset: Charset = .utf8,
        contentKey: ContentKey? = nil, app: GatewayApp? = nil, budget: DoctorBudget = .usual
    ) {
        self.method = method
        self.keys = keys
        self.algorithm = algorithm
        self.charset = charset
        self.contentKey = contentKey
        self.app = app
        self.budget = budget
    }

    public func diagnose(body: [UInt8]) -> Diagnosis {
        var diagnosis = Diagnosis()
        let refusal: EnvelopeError
        do throws(EnvelopeError) {
            accept(try open(body), &diagnosis)
            return diagnosis
        } catch {
            refusal = error
            diagnosis.refusal = (error.cause.rawValue, error.message)
        }
        guard body.count <= NotificationDoctor.mostBytes else {
            diagnosis.notes.append(
                "the answer has more than \(NotificationDoctor.mostBytes) bytes and was not looked into")
            return diagnosis
        }
        let expected = [String(method.map { $0 == "." ? "_" : $0 }) + "_response", "error_response"]
        let readings = AnswerReadings.all(of: body, expected: expected)
        let spellings = SignSpelling.all(of: readings.flatMap(\.subject.signs))
        guard let opening = Opening.first(of: spellings, among: keys) else {
            diagnosis.note(tried: DoctorKey.named(keys))
            explainKey(readings, spellings, &diagnosis)
            return diagnosis
        }
        diagnosis.signer = opening.signer
        diagnosis.algorithm = opening.algorithm
        search(readings, opening, refusal, &diagnosis)
        return diagnosis
    }

    private func open(_ body: [UInt8]) throws(EnvelopeError) -> Envelope {
        if let app { return try Envelope.open(body, method: method, app: app) }
        return try Envelope.open(
            body, method: method, keys: keys.filter { $0.owner == .alipay }.map(\.key), algorithm: algorithm,
            charset: charset, contentKey: contentKey)
    }

    private func accept(_ envelope: Envelope, _ diagnosis: inout Diagnosis) {
        if DoctorKey.hasOwnInPlace(keys) { diagnosis.findings.note(DoctorFinding(.ownKeyInPlace)) }
        if envelope.verified {
            diagnosis.signer = keys.first { $0.owner == .alipay && $0.key.fingerprint == envelope.keyFingerprint }
            diagnosis.algorithm = algorithm
            diagnosis.verdict = diagnosis.findings.isEmpty ? .verified : .explained
        } else {
            diagnosis.refusal = ("unsigned_failure", "it is a failure without a signature, which leads to asking again")
            diagnosis.notes.append(
                "there is nothing to verify: the gateway does not sign some of its failures, above all those about the app "
                    + "itself")
            if !diagnosis.findings.isEmpty { diagnosis.verdict = .explained }
        }
        if envelope.readAsGBK { diagnosis.notes.append("the answer is in GBK, although UTF-8 was asked for") }
        if let code = envelope.subCode, Self.aboutOurSignature.contains(code) {
            diagnosis.notes.append(
                "the gateway says that our own signature is wrong. The public half of the configured private_key must be the "
                    + "application public key in the console of this very app; settled keys check shows which key it is"
            )
        }
    }

    private static let aboutOurSignature: Set<String> = [
        "isv.invalid-signature", "isv.missing-signature", "isv.missing-signature-key", "isv.missing-signature-config",
        "isv.invalid-signature-type", "isv.missing-signature-type",
    ]

    private func search(
        _ readings: [AnswerReadings.Reading], _ opening: Opening, _ refusal: EnvelopeError,
        _ diagnosis: inout Diagnosis
    ) {
        let repairs = AnswerCorruptions.repairs(contentKey)
        let search = DoctorSearch<CapturedNode, CapturedNode>(repairs: repairs) { node, spending in
            spending.spend(node.content.count)
            return opening.covers(node.content) ? node : nil
        }
        var spending = DoctorSearch<CapturedNode, CapturedNode>.Spending(budget)
        let found = search.run(readings, &spending)
        diagnosis.attempts = spending.attempts
        diagnosis.gaveUp = spending.isOver && found == nil
        if DoctorKey.hasOwnInPlace(keys) { diagnosis.findings.note(DoctorFinding(.ownKeyInPlace)) }
        if opening.signer.owner != .alipay { diagnosis.findings.note(DoctorFinding(.wrongKey(opening.signer))) }
        guard let found else {
            diagnosis.note(
                tried: ["RSA2 and RSA"] + readings.flatMap { $0.supposes.map(\.corruption.name) }
                    + repairs.map(\.corruption.name)
                    + ["pairs of these"])
            diagnosis.notes.append(
                "the signature is genuine: \(opening.signer.name) made it with \(opening.algorithm.rawValue); the signed "
                    + "content is another than any that can be read from this answer. Keep the bytes of the answer as they "
                    + "came, and make sure that sign is of the same answer")
            if !diagnosis.findings.isEmpty { diagnosis.verdict = .explained }
            return
        }
        for finding in opening.repairs(in: found.reading.subject.signs) + found.repairs {
            diagnosis.findings.note(finding)
        }
        if opening.algorithm != algorithm {
            diagnosis.findings.note(DoctorFinding(.answerAlgorithm(opening.algorithm)))
        }
        if diagnosis.findings.isEmpty { diagnosis.findings.note(DoctorFinding(.refused(refusal))) }
        diagnosis.verdict = .explained
        if found.reading.subject.content != found.hit.content {
            diagnosis.difference = SignedTextDifference(
                received: found.reading.subject.content, signed: found.hit.content)
        }
    }

    private func explainKey(
        _ readings: [AnswerReadings.Reading], _ spellings: [SignSpelling], _ diagnosis: inout Diagnosis
    ) {
        if readings.isEmpty {
            diagnosis.notes.append("it is no answer in JSON, in none of the ways in which one is usually captured")
        } else if readings.allSatisfy({ $0.subject.signs.isEmpty }) {
            diagnosis.notes.append("there is no sign beside the node; without one nothing can be checked")
        } else if spellings.isEmpty {
            diagnosis.notes.append("sign is no Base64, in none of the ways in which it is usually damaged")
        } else {
            DoctorKey.explain(spellings[0].signature, keys, &diagnosis)
        }
        if DoctorKey.hasOwnInPlace(keys) { diagnosis.findings.note(DoctorFinding(.ownKeyInPlace)) }
        if !diagnosis.findings.isEmpty { diagnosis.verdict = .explained }
    }
}

import Wire

/// Finds out why a notification's signature fails (验签失败): undoes the known corruptions one by one and in pairs until
/// the text is the one that was signed.
///
/// An RSA signature says by itself which key made it and over which digest. So the key is judged first and apart from
/// the content; where no known key made the signature, no content can help and none is tried. What is found is checked
/// by an ordinary verification in the end.
public struct NotificationDoctor: Sendable {
    /// As the source would verify it.
    public let verifier: NotificationVerifier
    /// Every key that may have signed; those of the verifier are ``DoctorKey/Owner/alipay``.
    public let keys: [DoctorKey]
    public let facts: DoctorFacts
    public let budget: DoctorBudget

    public init(
        verifier: NotificationVerifier, keys: [DoctorKey], facts: DoctorFacts = DoctorFacts(),
        budget: DoctorBudget = .usual
    ) {
        self.verifier = verifier
        self.keys = keys
        self.facts = facts
        self.budget = budget
    }

    /// Larger bodies are not looked into.
    public static let mostBytes = 1 << 20

    /// - Parameter contentType: as it was sent; where it is not known, a form's.
    public func diagnose(body: [UInt8], contentType: String? = "application/x-www-form-urlencoded") -> Diagnosis {
        var diagnosis = Diagnosis()
        let refusal: NotificationRejection
        do throws(NotificationRejection) {
            let notification = try verifier.verify(body: body, contentType: contentType)
            accept(notification, &diagnosis)
            return diagnosis
        } catch {
            refusal = error
            diagnosis.refusal = (error.cause.rawValue, error.message)
        }
        guard body.count <= Self.mostBytes else {
            diagnosis.notes.append("the body has more than \(Self.mostBytes) bytes and was not looked into")
            return diagnosis
        }
        let readings = CaptureReadings.all(of: body)
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

    private func accept(_ notification: Notification, _ diagnosis: inout Diagnosis) {
        diagnosis.signer = keys.first { $0.owner == .alipay && $0.key.fingerprint == notification.keyFingerprint }
        diagnosis.algorithm = notification.algorithm
        diagnosis.form = notification.canonicalForm
        diagnosis.notes = notification.flags.sorted().map { "it is accepted with the flag \($0.rawValue)" }
        // Whoever has put our own key there accepts what we sign, and nothing that Alipay does.
        noteOwnKey(&diagnosis)
        diagnosis.verdict = diagnosis.findings.isEmpty ? .verified : .explained
    }

    // MARK: The content

    /// All corruptions: first those that leave a trace in the message, and so few ways to undo them; then those that are
    /// guesses about every parameter.
    static func repairs(_ facts: DoctorFacts) -> [Repair<CapturedForm>] {
        EscapeCorruptions.repairs + CharsetCorruptions.repairs + PercentCorruptions.repairs + RetypedCorruptions.repairs
            + EmptyCorruptions.repairs + BlankCorruptions.repairs + ParameterCorruptions.repairs(facts)
    }

    private func search(
        _ readings: [CaptureReadings.Reading], _ opening: Opening, _ refusal: NotificationRejection,
        _ diagnosis: inout Diagnosis
    ) {
        let repairs = Self.repairs(facts)
        let forms = verifier.profile.forms + CanonicalForm.allCases.filter { !verifier.profile.forms.contains($0) }
        let search = DoctorSearch<CapturedForm, FormHit>(repairs: repairs) { form, spending in
            FormHit.first(of: form, forms: forms, opening, &spending)
        }
        var spending = DoctorSearch<CapturedForm, FormHit>.Spending(budget)
        let found = search.run(readings, &spending)
        diagnosis.attempts = spending.attempts
        diagnosis.gaveUp = spending.isOver && found == nil
        noteOwnKey(&diagnosis)
        if opening.signer.owner != .alipay { diagnosis.findings.note(DoctorFinding(.wrongKey(opening.signer))) }
        guard let found else {
            diagnosis.note(
                tried: ["V1 and V2", "RSA2 and RSA", "empty values left out"]
                    + readings.flatMap { $0.supposes.map(\.corruption.name) }
                    + repairs.map(\.corruption.name) + ["pairs of these"])
            explainContent(readings, opening, &diagnosis)
            return
        }
        diagnosis.form = found.hit.form
        for finding in opening.repairs(in: found.reading.subject.signs) + CharsetCorruptions.named(found) {
            diagnosis.findings.note(finding)
        }
        judge(found.hit, opening, found.reading.supposes.isEmpty ? refusal : nil, &diagnosis)
        diagnosis.verdict = .explained
        let form = verifier.profile.forms.contains(found.hit.form) ? found.hit.form : forms[0]
        let received = found.reading.subject.covered(form, droppingEmptyValues: false)
        if received != found.hit.parameters {
            diagnosis.difference = SignedTextDifference(received: received, signed: found.hit.parameters)
        }
    }

    /// What this side expects otherwise than the sender did.
    ///
    /// - Parameter refusal: nil where what was captured is not what was sent, and was refused for that.
    private func judge(
        _ hit: FormHit, _ opening: Opening, _ refusal: NotificationRejection?, _ diagnosis: inout Diagnosis
    ) {
        if !verifier.profile.forms.contains(hit.form) {
            diagnosis.findings.note(DoctorFinding(hit.form == .v1 ? .signedV1 : .signedV2))
        }
        if hit.dropsEmptyValues, !verifier.dropsEmptyValues {
            diagnosis.findings.note(DoctorFinding(.emptyValuesUnsigned, hit.dropped))
        }
        let name = hit.message.value(of: "sign_type")
        if name.map({ !$0.elementsEqual(opening.algorithm.rawValue.utf8) }) ?? true {
            diagnosis.findings.note(DoctorFinding(.signTypeChanged, ["sign_type"]))
        }
        if !verifier.algorithms.contains(opening.algorithm) {
            diagnosis.findings.note(DoctorFinding(.algorithmNotAllowed(opening.algorithm)))
        }
        switch refusal?.cause {
        case nil: break
        case .badSignature, .missingSign, .malformedSign, .algorithmNotAllowed:
            // Whatever it is, it has been found by now; were it not, an unexplained refusal would look like none.
            if let refusal, diagnosis.findings.isEmpty { diagnosis.findings.note(DoctorFinding(.refused(refusal))) }
        case .duplicateParameter where !diagnosis.findings.isEmpty: break
        default: if let refusal { diagnosis.findings.note(DoctorFinding(.refused(refusal))) }
        }
    }

    private func explainContent(
        _ readings: [CaptureReadings.Reading], _ opening: Opening, _ diagnosis: inout Diagnosis
    ) {
        diagnosis.notes.append(
            "the signature is genuine: \(opening.signer.name) made it with \(opening.algorithm.rawValue); the content "
                + "is another than the one it was made for, in a way that is not among those that are known. Either it was "
                + "altered, or sign belongs to another message; capture the raw body before anything reads it")
        let values = readings.flatMap { $0.subject.parameters.map(\.value) }
        if values.contains(where: { $0.firstRange(of: [0xEF, 0xBF, 0xBD]) != nil }) {
            diagnosis.notes.append(
                "values contain U+FFFD, which stands for bytes that could not be read: those are lost, and no repair "
                    + "brings them back")
        } else if values.contains(where: { $0.firstRange(of: [0x3F, 0x3F]) != nil }) {
            diagnosis.notes.append(
                "values contain ??, which is what characters become that a charset lacks: those are lost, and no repair "
                    + "brings them back")
        }
        if diagnosis.gaveUp {
            diagnosis.notes.append(
                "the search was ended after \(diagnosis.attempts) attempts, which is as much as one diagnosis may cost")
        }
        if !diagnosis.findings.isEmpty { diagnosis.verdict = .explained }
    }

    // MARK: The key

    private func explainKey(
        _ readings: [CaptureReadings.Reading], _ spellings: [SignSpelling], _ diagnosis: inout Diagnosis
    ) {
        if readings.allSatisfy({ $0.subject.signs.isEmpty }) {
            diagnosis.notes.append("there is no sign in it; without one nothing can be checked")
        } else if spellings.isEmpty {
            diagnosis.notes.append("sign is no Base64, in none of the ways in which it is usually damaged")
        } else {
            DoctorKey.explain(spellings[0].signature, keys, &diagnosis)
        }
        noteOwnKey(&diagnosis)
        if !diagnosis.findings.isEmpty { diagnosis.verdict = .explained }
    }

    private func noteOwnKey(_ diagnosis: inout Diagnosis) {
        if DoctorKey.hasOwnInPlace(keys) { diagnosis.findings.note(DoctorFinding(.ownKeyInPlace)) }
    }
}

/// A message whose content, in this form, is the one that was signed.
struct FormHit {
    let form: CanonicalForm
    let dropsEmptyValues: Bool
    /// The whole message.
    let message: CapturedForm
    /// What is signed of it, sorted.
    let parameters: [CapturedForm.Parameter]

    /// The parameters that are not signed because they are empty.
    var dropped: [String] { dropsEmptyValues ? message.parameters.filter(\.isBlank).map(\.place) : [] }

    static func first(
        of message: CapturedForm, forms: [CanonicalForm], _ opening: Opening,
        _ spending: inout DoctorSearch<CapturedForm, FormHit>.Spending
    ) -> FormHit? {
        let hasBlank = message.parameters.contains(where: \.isBlank)
        // Whether a certificate's number is signed is not documented; the verifier tries without it too.
        let unsigned: [String?] = message.value(of: "alipay_cert_sn") == nil ? [nil] : [nil, "alipay_cert_sn"]
        for left in unsigned {
            for drops in hasBlank ? [false, true] : [false] {
                for form in forms {
                    let parameters = message.covered(form, droppingEmptyValues: drops, without: left)
                    let content = CapturedForm.content(of: parameters)
                    // Many small parameters cost more than their bytes.
                    spending.spend(content.count + 64 * parameters.count)
                    guard opening.covers(content) else { continue }
                    return FormHit(form: form, dropsEmptyValues: drops, message: message, parameters: parameters)
                }
            }
        }
        return nil
    }
}

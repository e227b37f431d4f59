import Wire

/// Turns the body of a request into a ``Notification``, if one of the source's keys signed it.
///
/// The rules, in their order: the Content-Type is a form's; the form is unambiguous (``FormBody``); `sign_type` is
/// exactly one of the configured names; `sign` is there and is Base64; one of the keys made it over the form that the
/// profile pins. What a message says about itself never widens what is accepted. Everything works on the decoded
/// bytes; the charset matters only afterwards, for what is shown (``NotificationText``).
///
/// A value without state of its own: one serves all requests of a source, on any number of threads.
public struct NotificationVerifier: Sendable {
    public let profile: NotificationProfile
    public let algorithms: Set<SignatureAlgorithm>
    private let configuredKeys: [PublicKey]
    private let certificates: CertificateTrust?
    public let dropsEmptyValues: Bool
    public let acceptsMissingContentType: Bool
    public let limits: FormLimits

    /// Alipay's keys; in certificate mode those of the certificates that are believed now.
    public var keys: [PublicKey] { certificates?.keys ?? configuredKeys }

    /// - Parameters:
    ///   - algorithms: those that count; `[.rsa2]` unless the application is an old one.
    ///   - keys: Alipay's key for this application; two or more while keys are being changed, until the old one is
    ///     removed.
    ///   - certificates: what is believed in certificate mode, instead of `keys`.
    ///   - dropsEmptyValues: after the ordinary rule failed, tries the signature without empty values; if it holds, all
    ///     empty parameters count as absent, because nothing signed says that they were sent.
    ///   - acceptsMissingContentType: reads a request without Content-Type as a form, instead of answering 415.
    public init(
        profile: NotificationProfile, algorithms: Set<SignatureAlgorithm> = [.rsa2], keys: [PublicKey],
        certificates: CertificateTrust? = nil, dropsEmptyValues: Bool = false, acceptsMissingContentType: Bool = false,
        limits: FormLimits = .notification
    ) {
        self.profile = profile
        self.algorithms = algorithms
        configuredKeys = keys
        self.certificates = certificates
        self.dropsEmptyValues = dropsEmptyValues
        self.acceptsMissingContentType = acceptsMissingContentType
        self.limits = limits
    }

    /// Verifies a request's body. The query string is never looked at.
    public func verify(body: [UInt8], contentType: String?) throws(NotificationRejection) -> Notification {
        let contentType = try form(contentType)
        let form: FormBody
        do {
            form = try FormBody(parsing: body, limits: limits)
        } catch {
            throw NotificationRejection(error)
        }
        let algorithm = try allowedAlgorithm(form)
        let (signature, repaired) = try signature(form)
        let keys = keys
        guard let match = match(signature, algorithm, form, keys) else {
            let unknown = unknownCertificate(form)
            throw NotificationRejection(
                .badSignature,
                failure(signature, algorithm, keys)
                    + (unknown == nil ? "" : "; it names a certificate of Alipay's that is not known here"),
                certificateNumber: unknown)
        }
        var text = NotificationText(match.present, of: form, contentType: contentType)
        if repaired { text.flags.insert(.plusAsSpace) }
        if match.hasUnsignedEmpty { text.flags.insert(.unsignedEmpty) }
        if form.containsNUL { text.flags.insert(.nulInValue) }
        if match.signed.contains(where: { form.isAmbiguous($0) }) { text.flags.insert(.ambiguousCanonical) }
        return Notification(
            parameters: text.parameters, flags: text.flags, canonicalForm: match.form, algorithm: algorithm,
            keyFingerprint: match.key.fingerprint, charset: text.charset, signedContent: match.content,
            digest: NotificationDigest.of(match.signed, in: form))
    }

    private func form(_ contentType: String?) throws(NotificationRejection) -> ContentType? {
        guard let contentType else {
            if acceptsMissingContentType { return nil }
            throw NotificationRejection(.unsupportedMediaType, "there is no Content-Type")
        }
        let parsed = ContentType(contentType)
        guard parsed.isForm else {
            throw NotificationRejection(
                .unsupportedMediaType, "the Content-Type is not application/x-www-form-urlencoded")
        }
        return parsed
    }

    /// Asked before the signature is looked at: a weak algorithm is refused even where its signature is right.
    private func allowedAlgorithm(_ form: FormBody) throws(NotificationRejection) -> SignatureAlgorithm {
        guard let name = form.value(of: "sign_type") else {
            if form.value(of: "sign") == nil {
                throw NotificationRejection(.missingSign, "there is neither sign nor sign_type")
            }
            throw NotificationRejection(.algorithmNotAllowed, "there is no sign_type")
        }
        guard let algorithm = SignatureAlgorithm.allCases.first(where: { name.elementsEqual($0.rawValue.utf8) }) else {
            throw NotificationRejection(.algorithmNotAllowed, "sign_type is neither RSA2 nor RSA")
        }
        guard algorithms.contains(algorithm) else {
            throw NotificationRejection(
                .algorithmNotAllowed,
                "sign_type is \(algorithm.rawValue), which this source does not allow (sign_types)")
        }
        return algorithm
    }

    /// The decoded signature. A `+` that was sent unescaped has become a blank; Base64 has none, so that in `sign`,
    /// and only there, it can be put back.
    private func signature(_ form: FormBody) throws(NotificationRejection) -> (bytes: [UInt8], repaired: Bool) {
        guard let field = form.field("sign"), !form.isBlank(field) else {
            throw NotificationRejection(.missingSign, "sign is absent or empty")
        }
        var text = Array(form.storage[field.value])
        let repaired = text.contains(0x20)
        if repaired { text = text.map { $0 == 0x20 ? UInt8(ascii: "+") : $0 } }
        guard let bytes = Base64.decode(text) else {
            throw NotificationRejection(.malformedSign, "sign is not Base64")
        }
        return (bytes, repaired)
    }

    private struct Match {
        let form: CanonicalForm
        let key: PublicKey
        let content: [UInt8]
        /// Sorted.
        let signed: [FormBody.Field]
        /// In the order received, without `sign`.
        let present: [FormBody.Field]
        let hasUnsignedEmpty: Bool
    }

    private func match(
        _ signature: [UInt8], _ algorithm: SignatureAlgorithm, _ form: FormBody, _ keys: [PublicKey]
    ) -> Match? {
        let keys = keys.filter { $0.signatureLength == signature.count }
        guard !keys.isEmpty else { return nil }
        if let found = match(signature, algorithm, form, keys, without: nil) { return found }
        // In certificate mode a message may name the certificate. Whether that parameter is signed is not documented, and
        // senders of both kinds were seen; left out of what is signed, it counts as absent.
        guard let number = form.index(of: "alipay_cert_sn") else { return nil }
        return match(signature, algorithm, form, keys, without: number)
    }

    private func match(
        _ signature: [UInt8], _ algorithm: SignatureAlgorithm, _ form: FormBody, _ keys: [PublicKey],
        without unsigned: Int?
    ) -> Match? {
        for drops in dropsEmptyValues ? [false, true] : [false] {
            // Where nothing is blank both rules give the same bytes.
            if drops, !form.fields.contains(where: form.isBlank) { break }
            for canonical in profile.forms {
                let signed = canonical.signedFields(of: form, droppingEmptyValues: drops, without: unsigned)
                let content = CanonicalForm.content(of: signed, in: form)
                guard let key = keys.first(where: { $0.verify(signature, over: content, with: algorithm) }) else {
                    continue
                }
                let sign = form.index(of: "sign")
                let present = form.fields.indices.filter {
                    $0 != sign && $0 != unsigned && !(drops && form.isBlank(form.fields[$0]))
                }
                return Match(
                    form: canonical, key: key, content: content, signed: signed,
                    present: present.map { form.fields[$0] },
                    hasUnsignedEmpty: drops)
            }
        }
        return nil
    }

    /// The certificate that the message says it was signed with, when that is one that is not believed.
    private func unknownCertificate(_ form: FormBody) -> String? {
        guard let certificates, let value = form.value(of: "alipay_cert_sn"), value.count == 32 else { return nil }
        let number = String(decoding: value, as: UTF8.self)
        return certificates.key(number) == nil ? number : nil
    }

    private func failure(_ signature: [UInt8], _ algorithm: SignatureAlgorithm, _ keys: [PublicKey]) -> String {
        guard keys.contains(where: { $0.signatureLength == signature.count }) else {
            let lengths = Set(keys.map(\.signatureLength)).sorted().map(String.init).joined(separator: " or ")
            return "sign has \(signature.count) bytes; the source's keys make \(lengths.isEmpty ? "none" : lengths)"
        }
        let forms = profile.forms.map(\.rawValue).joined(separator: " nor ")
        return "none of \(keys.count) keys made this \(algorithm.rawValue) signature over the \(forms) content"
    }
}

extension FormBody {
    /// Whether a value contains `&name=` with a name that is known or occurs beside it.
    func isAmbiguous(_ field: Field) -> Bool {
        guard containsAmpersand else { return false }
        var rest = storage[field.value]
        while let ampersand = rest.firstIndex(of: UInt8(ascii: "&")) {
            rest = rest[(ampersand + 1)...]
            guard let end = rest.firstIndex(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "&") }) else {
                break
            }
            if rest[end] == UInt8(ascii: "="), let name = String(validating: rest[..<end], as: UTF8.self),
                KnownParameter.names.contains(name) || self.field(name) != nil
            {
                return true
            }
            rest = rest[end...]
        }
        return false
    }
}

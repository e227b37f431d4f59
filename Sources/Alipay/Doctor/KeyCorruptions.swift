// The wrong key, the wrong algorithm, the wrong form: nothing happened to the message, this side expects another.

extension Corruption {
    static let ownKeyInPlace = Corruption(
        "own_key_in_place", "The key that stands for Alipay's is our own application public key (应用公钥).",
        do: """
            Put the Alipay public key (支付宝公钥) there; the console shows it beside the place where ours is uploaded. \
            Until then nothing that Alipay signs can verify.
            """)

    static func wrongKey(_ signer: DoctorKey) -> Corruption {
        switch signer.owner {
        case .own:
            Corruption(
                "signed_by_own_key", "Our own application key made this signature: \(signer.name).",
                do: """
                    Alipay signs with its own key. This message was made by a test or a tool of ours, or it is a \
                    request that was taken for a notification.
                    """)
        case .otherApp, .alipay:
            Corruption(
                "other_apps_key", "The signature was made for another app: \(signer.name).",
                do: """
                    Each app has an Alipay public key of its own. Send this notification to the source of that app, \
                    or set that app at this source.
                    """)
        }
    }

    static let signedV1 = Corruption(
        "signed_v1", "The sender left sign_type out of the signed text (V1), and this source expects it there (V2).",
        do: "Set profile: trade for this source, or profile: auto while both kinds come.")
    static let signedV2 = Corruption(
        "signed_v2", "The sender kept sign_type in the signed text (V2), and this source expects it left out (V1).",
        do: "Set profile: cplife for this source, or profile: auto while both kinds come.")
    static let emptyValuesUnsigned = Corruption(
        "empty_values_unsigned", "The sender left empty values out of the signed text.",
        do: "Set drop_empty: true for this source; empty parameters then count as absent.")

    static func algorithmNotAllowed(_ algorithm: SignatureAlgorithm) -> Corruption {
        Corruption(
            "algorithm_not_allowed", "The signature is \(algorithm.rawValue), which this source does not allow.",
            do: algorithm == .rsa
                ? """
                RSA is SHA-1. Set RSA2 for the app in the console; if it is an old one that cannot, set \
                sign_types: [RSA2, RSA] for this source.
                """
                : "Set sign_types: [RSA2] for this source.")
    }

    /// What the program refuses whatever the signature.
    static func refused(_ rejection: NotificationRejection) -> Corruption {
        let advice =
            switch rejection.cause {
            case .unsupportedMediaType:
                "The body is a form and must be declared as one; something on the way changed or removed the header "
                    + "(missing_content_type: form accepts a missing one)."
            case .malformedPair: "There is a stray & or a pair without =; something on the way rewrote the body."
            case .badEscape: "A % must be followed by two hexadecimal digits; the body was decoded or cut on the way."
            case .ambiguousName: "A name contains & or =, which no genuine message has."
            case .duplicateParameter: Corruption.duplicateParameter.advice
            case .bodyTooLarge, .tooManyParameters:
                "Raise limits.body or limits.parameters if such messages are genuine."
            default: "See the sentence above; the signature itself is right."
            }
        return Corruption(
            "refused_\(rejection.cause.rawValue)", "The program refuses it before the signature: \(rejection.message).",
            do: advice)
    }
}

extension DoctorKey {
    /// Whether the application's own key stands where Alipay's belongs.
    static func hasOwnInPlace(_ keys: [DoctorKey]) -> Bool {
        keys.contains { own in own.owner == .own && keys.contains { $0.owner == .alipay && $0.key == own.key } }
    }

    static func named(_ keys: [DoctorKey]) -> [String] {
        keys.map { "\($0.name) (\($0.key.bits) bits)" }
    }

    /// Says why no content was tried.
    static func explain(_ signature: [UInt8], _ keys: [DoctorKey], _ diagnosis: inout Diagnosis) {
        diagnosis.notes.append(
            "none of the \(keys.count) known keys made this signature, so that no content can verify. Compare the Alipay "
                + "public key in the console with the configured one (settled keys check shows which is which), and make "
                + "sure that sign is whole")
        let bits = signature.count * 8
        guard !keys.contains(where: { $0.key.signatureLength == signature.count }) else { return }
        diagnosis.notes.append(
            bits == 1024
                ? "sign has 128 bytes, as a key of 1024 bits makes: the platform's shared one of old RSA apps"
                : "sign has \(signature.count) bytes, as a key of \(bits) bits makes; no known key has so many")
    }
}

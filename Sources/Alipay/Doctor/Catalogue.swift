extension Corruption {
    /// The names of all corruptions that a diagnosis may give, in the order of the documentation. Those that begin with
    /// `refused_` are not among them: they end in a cause of ``NotificationRejection`` or ``EnvelopeError``.
    public static var names: [String] {
        let keys: [Corruption] = [.ownKeyInPlace, .signedV1, .signedV2, .emptyValuesUnsigned]
        let ofTheSigner = ["signed_by_own_key", "other_apps_key", "algorithm_not_allowed"]
        let captures: [Corruption] = [
            .captureEdges, .captureWithHeaders, .captureDecoded, .captureJSON, .captureLines, .signBroken, .signURLSafe,
            .signUnpadded,
        ]
        let answers: [Corruption] = [.wrongNode, .answerInString, .cipherQuotesLost]
        let undone =
            NotificationDoctor.repairs(DoctorFacts()).map(\.corruption)
            + AnswerCorruptions.repairs(nil).map(\.corruption)
        var names: [String] = []
        for name in ofTheSigner + (keys + captures + undone + answers).map(\.name) where !names.contains(name) {
            names.append(name)
        }
        return names
    }
}

import Alipay
import ArgumentParser
import Telemetry

/// A diagnosis for people and for programs.
struct DiagnosisReport: Sendable {
    let diagnosis: Diagnosis
    /// Whether persons' values in the signed text are masked.
    let masksPersons: Bool

    init(_ diagnosis: Diagnosis, masksPersons: Bool = false) {
        self.diagnosis = diagnosis
        self.masksPersons = masksPersons
    }

    /// Nil when the message verifies as it is.
    var exitCode: ExitCode? {
        switch diagnosis.verdict {
        case .verified: nil
        case .explained: .findings
        case .nothingVerifies: .failure
        }
    }

    // MARK: For programs

    var line: JSONLine {
        var line = JSONLine()
        line.add("verdict", diagnosis.verdict.rawValue)
        line.add("cause", diagnosis.refusal?.cause)
        line.add("message", diagnosis.refusal?.message)
        line.add("signer", diagnosis.signer?.owner.rawValue)
        line.add("key", diagnosis.signer?.name)
        line.add("key_fingerprint", diagnosis.signer?.key.fingerprint)
        line.add("algorithm", diagnosis.algorithm?.rawValue)
        line.add("canonical_form", diagnosis.form?.rawValue)
        line.add("findings", diagnosis.findings.map(object))
        line.add("difference", difference.map(Self.line))
        line.add("equal", diagnosis.difference?.equal)
        line.add("notes", strings: diagnosis.notes)
        line.add("tried", strings: diagnosis.tried)
        line.add("attempts", diagnosis.attempts)
        line.add("gave_up", diagnosis.gaveUp)
        return line
    }

    private func object(_ finding: DoctorFinding) -> JSONLine {
        var line = JSONLine()
        line.add("name", finding.corruption.name)
        line.add("places", strings: places(finding))
        line.add("explanation", finding.corruption.explanation)
        line.add("advice", finding.corruption.advice)
        return line
    }

    private static func line(_ shown: SignedExcerpt) -> JSONLine {
        var line = JSONLine()
        line.add("side", shown.side == .received ? "received" : "signed")
        line.add("text", shown.text)
        return line
    }

    // MARK: For people

    func text(style: TerminalStyle) -> String {
        var text = style.bold(verdict) + "\n"
        if let refusal = diagnosis.refusal {
            text += "settled answers: \(refusal.cause): \(TerminalText.oneLine(refusal.message))\n"
        }
        if let signer = diagnosis.signer {
            let made = [diagnosis.algorithm?.rawValue, diagnosis.form?.rawValue].compactMap { $0 }.joined(
                separator: ", ")
            text +=
                "signed by \(TerminalText.oneLine(signer.name)) (SHA-256 \(signer.key.fingerprint.prefix(16))), \(made)\n"
        }
        for (index, finding) in diagnosis.findings.enumerated() {
            text += "\n" + style.bold("\(index + 1). \(finding.corruption.name)") + shown(places(finding)) + "\n"
            text += "   \(finding.corruption.explanation)\n   → \(finding.corruption.advice)\n"
        }
        if let equal = diagnosis.difference?.equal {
            text += "\nsigned text (- what settled makes of it, + what was signed"
            text += equal > 0 ? "; \(equal) parameters are the same)\n" : ")\n"
            for shown in difference {
                let line = "\(shown.side.rawValue) \(shown.text)"
                text += (shown.side == .received ? style.removed(line) : style.added(line)) + "\n"
            }
        }
        for note in diagnosis.notes { text += "\nnote: \(TerminalText.oneLine(note))\n" }
        if diagnosis.verdict == .nothingVerifies {
            text += "\ntried: " + diagnosis.tried.map(TerminalText.oneLine).joined(separator: ", ") + "\n"
            text += "\(diagnosis.attempts) contents were compared with the signature\n"
        }
        return text
    }

    private var verdict: String {
        switch diagnosis.verdict {
        case .verified: "it verifies as it is"
        case .explained: diagnosis.findings.count == 1 ? "the cause was found" : "the causes were found"
        case .nothingVerifies: "nothing makes it verify"
        }
    }

    private func places(_ finding: DoctorFinding) -> [String] {
        masksPersons ? finding.places.map(PersonalPart.place) : finding.places
    }

    private func shown(_ places: [String]) -> String {
        guard !places.isEmpty else { return "" }
        let shown = places.prefix(6).map(TerminalText.oneLine).joined(separator: ", ")
        return " in " + shown + (places.count > 6 ? " and \(places.count - 6) more" : "")
    }

    private var difference: [SignedExcerpt] {
        SignedExcerpt.all(of: diagnosis.difference?.lines ?? [], masksPersons: masksPersons)
    }
}

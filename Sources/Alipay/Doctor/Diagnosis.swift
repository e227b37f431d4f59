/// What the doctor found out about one message.
public struct Diagnosis: Sendable {
    public enum Verdict: String, Sendable, CaseIterable {
        /// It verifies as it is.
        case verified
        /// It does not, and ``Diagnosis/findings`` say why.
        case explained
        /// It does not, and nothing that was tried makes it.
        case nothingVerifies = "nothing_verifies"
    }

    public internal(set) var verdict = Verdict.nothingVerifies
    /// What the program answers to the message as it is: a cause and a sentence; nil when it verifies.
    public internal(set) var refusal: (cause: String, message: String)?
    /// The known key that made the signature, whatever the content; nil when none did.
    public internal(set) var signer: DoctorKey?
    /// What it was made with.
    public internal(set) var algorithm: SignatureAlgorithm?
    /// Of a notification, the form that was signed.
    public internal(set) var form: CanonicalForm?
    /// What is wrong, in the order in which it is undone. Empty when it verifies, or when nothing does.
    public internal(set) var findings: [DoctorFinding] = []
    /// What this side signs against what was signed; nil where nothing verifies or nothing differs.
    public internal(set) var difference: SignedTextDifference?
    /// What else a person should know; nothing in it was written by the sender.
    public internal(set) var notes: [String] = []
    /// Where nothing verifies, the names of all that was tried.
    public private(set) var tried: [String] = []
    /// How many contents were compared with the signature.
    public internal(set) var attempts = 0
    /// Whether the search ended because it had cost enough.
    public internal(set) var gaveUp = false

    init() {}

    /// Says what was tried, each once.
    mutating func note(tried names: [String]) {
        for name in names where !tried.contains(name) { tried.append(name) }
    }
}

/// What a failure asks of us. The names are those of the protocol notes; what each leads to is the job's business.
public enum FailureClass: String, Sendable, Hashable, CaseIterable {
    /// Ask again later, with growing pauses.
    case retry
    /// Ask again much later, and let everybody slow down.
    case throttle
    /// Asking again will not help: this one request is wrong.
    case permanent
    /// A person has to act (keys, permissions, tokens): pause what it concerns.
    case `operator`
    /// The buyer has not paid yet.
    case pending
    /// The gateway does not know what was asked about. A payment perhaps not yet: a notification can outrun the read side.
    case notExisting = "not_existing"
    /// The payment belongs to another community: the wrong authorisation token, most likely.
    case belongsToOthers = "belongs_to_others"
    /// No answer came, or not one of HTTP 200 with JSON, or one to another question.
    case transport
    /// An answer came that its signature does not prove.
    case untrusted
    /// A signed answer that we cannot read; asking again may bring the same.
    case malformed
}

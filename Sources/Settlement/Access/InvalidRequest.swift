/// What the body of a request lacks, in words for its sender.
public struct InvalidRequest: Error, Sendable {
    public let detail: String
}

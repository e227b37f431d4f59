import JobQueue

/// When a query of a payment is repeated: for most failures, and for payments that the gateway does not know yet
/// (PAY_INFO_NOT_EXISTING), since a notification may outrun the gateway's own data.
public struct RetryPolicies: Sendable, Hashable {
    public var usual: RetryPolicy
    public var notExisting: RetryPolicy

    public init(
        usual: RetryPolicy = RetryPolicy(),
        notExisting: RetryPolicy = RetryPolicy(first: .seconds(1), cap: .seconds(3600), budget: .seconds(48 * 3600))
    ) {
        self.usual = usual
        self.notExisting = notExisting
    }
}

/// A mistake in the use of the queue, in one sentence.
public struct JobQueueError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A kind of mistake. A struct, so that kinds can be added.
    public struct Code: Sendable, Hashable {
        let word: String
        /// A handler's `record` returned more or fewer dispositions than it was given jobs.
        public static let wrongNumberOfDispositions = Code(word: "wrong_number_of_dispositions")
        /// An answer was not of the type that the handler of the queue gives.
        static let wrongOutput = Code(word: "wrong_output")
        /// A write that was fenced on a locked lease did not find its row.
        public static let leaseVanished = Code(word: "lease_vanished")
    }

    public let code: Code
    public let message: String

    public var description: String { "\(message) (\(code.word))" }
}

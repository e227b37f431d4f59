import Dispatch
import FoundationEssentials
import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What was sent and what came back, one entry per HTTP request: the sender's own witness, apart from all databases.
///
/// With a file, every entry is a line of JSON that is on disk (fsync) before `record` returns; entries that arrive while one
/// fsync runs share the next.
public final class DeliveryJournal: Sendable {
    public struct Entry: Sendable, Hashable, Codable {
        public var delivery: Int
        public var source: String
        public var story: Story
        public var forgery: Forgery?
        public var tradeNo: String?
        public var queryToken: String?
        /// 1 for the first time, up to 8 on Alipay's schedule.
        public var attempt: Int
        /// Unix time in microseconds.
        public var sentAt: Int64
        public var microseconds: Int64
        /// nil when no answer came.
        public var status: Int?
        /// The first 512 bytes of the answer, as text.
        public var answer: String
        public var isAcknowledged: Bool
        /// Why no answer came.
        public var failure: String?

        public init(
            delivery: Int, source: String, story: Story, forgery: Forgery? = nil, tradeNo: String? = nil,
            queryToken: String? = nil, attempt: Int = 1, sentAt: Int64 = 0, microseconds: Int64 = 0, status: Int? = nil,
            answer: String = "", isAcknowledged: Bool, failure: String? = nil
        ) {
            self.delivery = delivery
            self.source = source
            self.story = story
            self.forgery = forgery
            self.tradeNo = tradeNo
            self.queryToken = queryToken
            self.attempt = attempt
            self.sentAt = sentAt
            self.microseconds = microseconds
            self.status = status
            self.answer = answer
            self.isAcknowledged = isAcknowledged
            self.failure = failure
        }

        public var isGenuine: Bool { forgery == nil }
    }

    /// Running counts, cheap enough for a progress bar.
    public struct Tally: Sendable, Hashable, Codable {
        /// HTTP requests, redeliveries included.
        public var requests = 0
        public var acknowledged = 0
        /// Requests after the first of a delivery.
        public var redeliveries = 0
        /// Genuine deliveries for which the schedule ended without an acknowledgement.
        public var givenUp = 0
        /// Requests without any answer.
        public var unanswered = 0
        /// Answers that did not acknowledge, by HTTP status.
        public var refusals: [Int: Int] = [:]
    }

    fileprivate struct State {
        var entries: [Entry] = []
        var tally = Tally()
        var unwritten: [UInt8] = []
        var waiting: [CheckedContinuation<Void, any Error>] = []
        var isFlushing = false
    }

    private let state = Mutex(State())
    private let file: FileDescriptor?
    private let disk = DispatchQueue(label: "sandbox.journal")

    /// A journal in memory.
    public init() { file = nil }

    /// A journal that is also kept in a file, appended to when it exists.
    public init(appendingTo path: FilePath) throws {
        do {
            file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
        } catch let error as Errno {
            throw SandboxError(.journalFile, "the journal \(path) could not be opened: \(error)")
        }
    }

    deinit { try? file?.close() }

    public var entries: [Entry] { state.withLock { $0.entries } }
    public var tally: Tally { state.withLock { $0.tally } }

    /// Reads the entries of a journal file; a last line that was cut off is left out, any other broken line is an error.
    public static func read(_ path: FilePath) throws -> [Entry] {
        let text = try String(contentsOfFile: path.string, encoding: .utf8)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        lines.removeLast()
        let decoder = JSONDecoder()
        return try lines.map { try decoder.decode(Entry.self, from: Data($0.utf8)) }
    }

    /// Notes one request. Returns when the entry is durable (with a file) or noted (without).
    public func record(_ entry: Entry) async throws {
        guard file != nil else { return state.withLock { $0.note(entry) } }
        var line = try [UInt8](JSONEncoder().encode(entry))
        line.append(0x0A)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let flushes = state.withLock { state in
                state.note(entry)
                state.unwritten += line
                state.waiting.append(continuation)
                defer { state.isFlushing = true }
                return !state.isFlushing
            }
            if flushes { disk.async { @Sendable in self.flush() } }
        }
    }

    func noteGivenUp() { state.withLock { $0.tally.givenUp += 1 } }

    /// Writes what has gathered, syncs, tells those who wait; until nothing has gathered meanwhile.
    private func flush() {
        while let (bytes, waiting) = takeBatch() {
            let result = Result { () throws(any Error) in
                try file?.writeAll(bytes)
                if let file, fsync(file.rawValue) != 0 { throw Errno(rawValue: errno) }
            }.mapError { SandboxError(.journalFile, "the journal could not be written: \($0)") as any Error }
            for continuation in waiting { continuation.resume(with: result) }
        }
    }

    private func takeBatch() -> ([UInt8], [CheckedContinuation<Void, any Error>])? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.isFlushing = false
                return nil
            }
            defer {
                state.unwritten = []
                state.waiting = []
            }
            return (state.unwritten, state.waiting)
        }
    }
}

extension DeliveryJournal.State {
    fileprivate mutating func note(_ entry: DeliveryJournal.Entry) {
        entries.append(entry)
        tally.requests += 1
        if entry.attempt > 1 { tally.redeliveries += 1 }
        if entry.isAcknowledged {
            tally.acknowledged += 1
        } else if let status = entry.status {
            tally.refusals[status, default: 0] += 1
        } else {
            tally.unanswered += 1
        }
    }
}

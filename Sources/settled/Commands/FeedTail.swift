import ArgumentParser
import Foundation
import Settlement

/// `settled feed tail`.
struct FeedTail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Print the feed's items as JSON, one a line, and follow it if told to.",
        discussion: """
            Reads the database, or with --url the API of a running server. Each item is checked as a reader should check it: \
            the numbers are dense and every hash follows from the one before. Ends with 6 when that does not hold, and without \
            --follow with 3 when there is no item. The token comes from --token-file or the variable SETTLED_TOKEN.
            """)

    @Option(name: .long, help: "The last number that you have.")
    var after: Int64 = 0
    @Flag(name: .shortAndLong, help: "Go on with what comes, until Ctrl-C.")
    var follow = false
    @Option(name: .long, help: ArgumentHelp("Read the API at this address, such as http://127.0.0.1:8080."))
    var url: String?
    @Option(name: .long, help: ArgumentHelp("A file with the bearer token.", valueName: "file"), completion: .file())
    var tokenFile: String?
    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard after >= 0 else { throw ValidationError("--after takes 0 or more") }
        if tokenFile != nil, url == nil { throw ValidationError("--token-file goes with --url") }
    }

    func run() async throws {
        if let url {
            let api = try FeedAPI(url: url, token: token())
            try await tail { after, wait in try await api.items(after: after, wait: wait) }
        } else {
            try await DatabaseVisit.run(configuration) { pool in
                let reader = FeedReader(pool: pool)
                try await tail { after, wait in
                    let items = try await reader.items(of: "main", after: after, limit: 1000)
                    if items.isEmpty, wait { try await Task.sleep(for: .milliseconds(500)) }
                    return items
                }
            }
        }
    }

    private func tail(_ read: (_ after: Int64, _ wait: Bool) async throws -> [FeedItem]) async throws {
        var chain = ChainCheck(after: after)
        while true {
            let items: [FeedItem]
            do {
                items = try await read(chain.seq, follow)
            } catch let failure where follow && CommandFailure(failure).isPassing {
                output.note("\(CommandFailure(failure)); trying again")
                try await Task.sleep(for: .seconds(2))
                continue
            }
            for item in items {
                if let finding = chain.finding(item) {
                    throw CommandFailure("\(finding): stop, and compare with `settled feed verify`", .findings)
                }
            }
            StandardOutput.write(items.map { JSONLine(object: $0.json).line }.joined())
            if items.isEmpty, !follow {
                if chain.seq > after { return }
                output.note("there is no item after \(after)")
                throw ExitCode.noneMatched
            }
        }
    }

    private func token() throws -> String {
        if let tokenFile {
            guard let text = try? String(contentsOfFile: tokenFile, encoding: .utf8) else {
                throw CommandFailure("the token file \(tokenFile) cannot be read", .configuration)
            }
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard let token = ProcessInfo.processInfo.environment["SETTLED_TOKEN"], !token.isEmpty else {
            throw CommandFailure("a token is needed: --token-file, or the variable SETTLED_TOKEN", .notAuthorised)
        }
        return token
    }
}

/// What every reader of a feed should check: dense numbers, and each hash made from the one before.
struct ChainCheck: Sendable {
    private(set) var seq: Int64
    private var hash: [UInt8]?

    init(after seq: Int64) {
        self.seq = seq
        hash = seq == 0 ? FeedChain.genesis : nil
    }

    /// What is wrong with the next item, or nil.
    mutating func finding(_ item: FeedItem) -> String? {
        guard item.seq == seq + 1 else { return "after item \(seq) came item \(item.seq)" }
        guard hash == nil || item.previousHash == hash else {
            return "item \(item.seq) does not follow the item before it"
        }
        guard FeedChain.hash(previous: item.previousHash, seq: item.seq, payload: item.payload) == item.hash else {
            return "the hash of item \(item.seq) is not the hash of its payload"
        }
        (seq, hash) = (item.seq, item.hash)
        return nil
    }
}

extension CommandFailure {
    /// Whether the same may work a little later.
    fileprivate var isPassing: Bool { exitCode == .dependencyDown || exitCode == .tryLater }
}

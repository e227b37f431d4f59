import ArgumentParser
import Postgres
import Settlement

/// `settled tokens`: who may read the feed and operate the program over HTTP.
struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens", abstract: "Make, list and revoke bearer tokens of the API.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token and print it, once.",
            discussion: """
                Standard output gets the token and nothing else. Only its digest is stored, so it can never be shown again.
                """)

        @Option(name: .long, help: "Who will hold it, such as the name of the billing system.")
        var name = "unnamed"
        @Option(name: .long, help: "read: feed and records; operate: also replays; admin: everything.")
        var scope: TokenStore.Scope
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (1...128).contains(name.count) else { throw ValidationError("--name takes 1 to 128 characters") }
        }

        func run() async throws {
            let (text, token) = try await DatabaseVisit.run(configuration) { pool in
                try await TokenStore(pool: pool).create(name: name, scope: scope, actor: Operator.name())
            }
            if output.json {
                var line = token.line
                line.add("token", text)
                StandardOutput.write(line.line)
            } else {
                StandardOutput.line(text)
            }
            output.note("token \(token.id) with scope \(token.scope.rawValue): keep it now, it is not shown again")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the tokens, without their texts.")

        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let tokens = try await DatabaseVisit.run(configuration) { try await TokenStore(pool: $0).list() }
            let listing = Listing<TokenStore.Token>(
                columns: [.init("ID", .right), .init("NAME"), .init("SCOPE"), .init("CREATED"), .init("REVOKED")],
                cells: { [String($0.id), $0.name, $0.scope.rawValue, $0.createdAt.local(), $0.revokedAt?.local()] },
                json: \.line)
            try listing.print(tokens, "tokens", output)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a token. Servers forget it within ten seconds; ends with 3 when no such token works.")

        @Argument(help: "The token's id, from `tokens list`.")
        var id: Int64
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let token = try await DatabaseVisit.run(configuration) { pool in
                try await TokenStore(pool: pool).revoke(id, actor: Operator.name())
            }
            guard let token else { throw CommandFailure("there is no token \(id) that works", .noneMatched) }
            if output.json { StandardOutput.write(token.line.line) }
            output.note("token \(token.id) (\(token.name)) is revoked")
        }
    }
}

extension TokenStore.Scope: ExpressibleByArgument {}

extension TokenStore.Token {
    fileprivate var line: JSONLine {
        var line = JSONLine()
        line.add("id", id)
        line.add("name", name)
        line.add("scope", scope.rawValue)
        line.add("created_at", createdAt)
        line.add("revoked_at", revokedAt)
        return line
    }
}

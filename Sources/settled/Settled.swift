import ArgumentParser
import Glibc

/// The root command: `settled NOUN VERB`.
@main
struct Settled: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settled",
        abstract: "Turns Alipay's payment notifications into confirmed bill settlements.",
        discussion: """
            Data goes to standard output, everything else to standard error. Exit codes: 0 ok, 1 failure, 2 usage, \
            3 none matched, 4 not authorised, 5 conflict, 6 findings exist, 69 dependency down, 75 try later, 78 configuration.
            """,
        version: Version.current,
        subcommands: [
            RunCommand.self, ServeCommand.self, WorkCommand.self, MigrateCommand.self, DemoCommand.self,
            DrillCommand.self,
            JobsCommand.self, QueuesCommand.self, QueryCommand.self, SettlementsCommand.self, FeedCommand.self,
            HoldsCommand.self,
            WithholdingCommand.self,
            TokensCommand.self, NotificationsCommand.self, SimulateCommand.self, HealthcheckCommand.self,
            BenchCommand.self,
            AgreementsCommand.self,
            ExpectCommand.self,
            ConfigCommand.self, KeysCommand.self,
            SignCommand.self,
            VersionCommand.self,
        ]
    )

    /// ArgumentParser ends with 64 when a command line is wrong; ours is 2, as with most Unix programs.
    /// Every other error becomes one sentence on standard error and its exit code.
    static func main() async {
        Heap.shareArenas()
        OpenFiles.raiseLimit()
        // A reader that went away is an error of write(2), which is handled where it happens, and never a silent death.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            ProgramLog.flush()
        } catch {
            ProgramLog.flush()
            let ending = Ending(error)
            StandardError.write(ending.toStandardError)
            StandardOutput.write(ending.toStandardOutput)
            Glibc.exit(ending.exitCode.rawValue)
        }
    }
}

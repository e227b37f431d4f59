import ArgumentParser
import Telemetry

/// `settled config`: what is configured, and whether it is right.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check and explain the configuration.",
        subcommands: [Check.self, Reference.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the configuration; ends with 78 and every problem when it is wrong.")

        @Flag(name: .long, help: "Print every key with its value and where it came from; secrets as a short digest.")
        var explain = false

        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let loaded = try configuration.load()
            let keys = try loaded.settings.readKeys()
            _ = try loaded.settings.http.tls?.load()
            for warning in loaded.warnings + keys.warnings { output.note("warning: " + TerminalText.oneLine(warning)) }
            if explain {
                StandardOutput.write(output.json ? Explanation.lines(loaded) : Explanation.table(loaded))
            } else if output.json {
                StandardOutput.write(Explanation.summary(loaded))
            }
            output.note("\(loaded.file ?? "the environment"): the configuration is right")
        }
    }

    struct Reference: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every key with its default and its variable, as Markdown (docs/configuration.md holds it)."
        )

        func run() {
            StandardOutput.write(SettingsReference.markdown)
        }
    }
}

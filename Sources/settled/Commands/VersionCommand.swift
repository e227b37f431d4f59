import ArgumentParser

/// `settled version`: which version this is.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() {
        StandardOutput.line(Version.current)
    }
}

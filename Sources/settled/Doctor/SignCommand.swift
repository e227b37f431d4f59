import ArgumentParser

/// `settled sign`: what there is to find out about signatures.
struct SignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Find out why a signature fails (验签失败).", subcommands: [SignDoctor.self])
}

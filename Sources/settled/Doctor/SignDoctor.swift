import Alipay
import ArgumentParser
import Telemetry
import Wire

/// `settled sign doctor`: why a message does not verify, and what to do about it.
struct SignDoctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say why a message does not verify, and what to do about it (验签失败).",
        discussion: """
            Give it the body as it came: a file, - for standard input, --body, or --notification with the id of a delivery or \
            the digest of a rejected one (settled notifications list --rejected). It undoes the known corruptions one by one \
            and in pairs, tries every configured key, and names what makes the signature hold, with the signed text that \
            this side makes against the one that was signed. With --answer --method it looks into an answer of the gateway \
            instead. Nothing is sent anywhere.

            Ends with 0 when it verifies as it is, 6 when the cause was found, 1 when nothing verifies, 78 when the keys \
            cannot be read.
            """)

    @Argument(help: ArgumentHelp("A file with the body, or - for standard input.", valueName: "file"))
    var file: String?
    @Option(name: .long, help: ArgumentHelp("The body itself.", valueName: "text"))
    var body: String?
    @Option(
        name: .long,
        help: ArgumentHelp("A delivery's id, or the first digits of a rejected one's digest.", valueName: "id"))
    var notification: String?
    @Flag(name: .long, help: "Look among the rejected ones, also for a number.")
    var rejected = false
    @Flag(name: .long, help: "Show persons of a stored notification unmasked; kept in the audit log.")
    var reveal = false
    @Option(name: .long, help: "Why --reveal is needed; kept in the audit log.")
    var reason: String?
    @OptionGroup(title: "Keys and rules") var expectation: DoctorExpectation
    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard [file, body, notification].compactMap({ $0 }).count == 1 else {
            throw ValidationError("name one message: a file (or -), --body, or --notification")
        }
        guard notification != nil || !rejected && !reveal && reason == nil else {
            throw ValidationError("--rejected, --reveal and --reason go with --notification")
        }
        if expectation.answer, notification != nil {
            throw ValidationError("--answer is about a captured answer, --notification about a stored notification")
        }
        if let notification, !StoredMessage.isName(notification, rejected: rejected) {
            throw ValidationError("a rejected notification is named by 8 to 64 hexadecimal digits")
        }
    }

    func run() async throws {
        let message = try await message()
        let diagnosis = try diagnose(message)
        let report = DiagnosisReport(diagnosis, masksPersons: message.isStored && !reveal)
        StandardOutput.write(
            output.json
                ? report.line.line
                : report.text(style: TerminalStyle(isTerminal: StandardOutput.isTerminal)))
        if let code = report.exitCode { throw code }
    }

    private func diagnose(_ message: CapturedMessage) throws -> Diagnosis {
        if expectation.answer {
            return try expectation.answerDoctor(configuration, output).diagnose(body: message.body)
        }
        return try expectation.notificationDoctor(source: message.source, configuration, output).diagnose(
            body: message.body, contentType: expectation.contentType ?? message.contentType)
    }

    private func message() async throws -> CapturedMessage {
        if let file { return CapturedMessage(body: try CapturedMessage.read(file)) }
        if let body { return CapturedMessage(body: Array(body.utf8)) }
        let name = StoredMessage(name: notification ?? "", rejected: rejected)
        return try await name.fetch(configuration, reveal: reveal, reason: reason)
    }
}

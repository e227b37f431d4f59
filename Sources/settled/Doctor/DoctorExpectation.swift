import Alipay
import ArgumentParser
import Telemetry

/// What a message is judged by: a source of the configuration, or a key in a file.
struct DoctorExpectation: ParsableArguments {
    @Option(name: .long, help: "The source of the configuration; not needed when there is one.")
    var source: String?
    @Option(
        name: .long,
        help: ArgumentHelp("Alipay's public key, instead of a source.", valueName: "file"), completion: .file())
    var alipayPublicKey: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --alipay-public-key: our own key, public or private, to see whether it signed.", valueName: "file"),
        completion: .file())
    var appKey: String?
    @Option(name: .long, help: "With --alipay-public-key: cplife (V2), trade (V1) or auto.")
    var profile: NotificationProfile = .auto
    @Option(name: .long, help: "With --alipay-public-key: the algorithm that is expected, RSA2, or RSA of an old app.")
    var signType: SignatureAlgorithm = .rsa2
    @Option(name: .long, help: "The Content-Type that came with it.")
    var contentType: String?
    @Flag(name: .long, help: "It is an answer of the gateway, to --method.")
    var answer = false
    @Option(name: .long, help: "With --answer: the method that was called, such as alipay.eco.cplife.pay.result.query.")
    var method: String?
    @Option(name: .long, help: "With --answer: the app that asked; not needed when there is one.")
    var app: String?
    @Option(
        name: .long,
        help: ArgumentHelp("With --answer and --alipay-public-key: the content key (AES).", valueName: "file"),
        completion: .file())
    var aesKey: String?
    @Option(name: .long, help: "With --answer and --alipay-public-key: utf-8 or gbk.")
    var charset: AppSettings.CharsetName = .utf8

    func validate() throws {
        if alipayPublicKey != nil, source != nil {
            throw ValidationError("--source and --alipay-public-key exclude each other")
        }
        if alipayPublicKey == nil, appKey != nil || profile != .auto || signType != .rsa2 {
            throw ValidationError("--app-key, --profile and --sign-type go with --alipay-public-key")
        }
        if answer != (method != nil) { throw ValidationError("--answer and --method go together") }
        if answer, source != nil || profile != .auto || contentType != nil {
            throw ValidationError("--source, --profile and --content-type are about notifications; an answer has --app")
        }
        if app != nil, !answer || alipayPublicKey != nil {
            throw ValidationError("--app goes with --answer, and not with --alipay-public-key")
        }
        if aesKey != nil || charset != .utf8, !answer || alipayPublicKey == nil {
            throw ValidationError("--aes-key and --charset go with --answer and --alipay-public-key")
        }
    }

    /// - Parameter source: where a stored message came to.
    func notificationDoctor(
        source stored: String?, _ configuration: ConfigurationOption, _ output: OutputOptions
    ) throws -> NotificationDoctor {
        if let alipayPublicKey {
            let keys = try DoctorKeyring(alipay: alipayPublicKey, own: appKey)
            return NotificationDoctor(
                verifier: NotificationVerifier(profile: profile, algorithms: [signType], keys: keys.expected),
                keys: keys.all)
        }
        let settings = try configuration.load().settings
        let source = try chosen(among: settings.sources, stored)
        let keys = try DoctorKeyring(settings, appID: source.appID)
        for warning in keys.warnings { output.note("warning: " + TerminalText.oneLine(warning)) }
        let ids = settings.apps.map(\.id)
        return NotificationDoctor(
            verifier: NotificationVerifier(
                profile: source.profile, algorithms: Set(source.signTypes), keys: keys.expected,
                dropsEmptyValues: source.dropsEmptyValues,
                acceptsMissingContentType: source.missingContentType == .form,
                limits: FormLimits(
                    bytes: settings.limits.body, parameters: settings.limits.parameters,
                    nameBytes: FormLimits.notification.nameBytes)),
            keys: keys.all,
            facts: DoctorFacts(values: [
                "app_id": ids, "auth_app_id": ids, "seller_id": settings.merchants.map(\.sellerID),
            ]))
    }

    private func chosen(among sources: [SourceSettings], _ stored: String?) throws -> SourceSettings {
        if let name = source ?? stored {
            if let found = sources.first(where: { $0.name == name }) { return found }
            throw CommandFailure(
                "no source \(name) is configured; there are: \(sources.map(\.name).joined(separator: ", "))",
                .noneMatched)
        }
        guard let only = sources.first, sources.count == 1 else {
            throw CommandFailure(
                sources.isEmpty
                    ? "no source is configured; name a key with --alipay-public-key"
                    : "name the source with --source: \(sources.map(\.name).joined(separator: ", "))", .usage)
        }
        return only
    }
}

extension NotificationProfile: ExpressibleByArgument {}
extension SignatureAlgorithm: ExpressibleByArgument {}

import Alipay
import ArgumentParser
import Telemetry
import Wire

// What an answer of the gateway is judged by: an app of the configuration, or a key in a file.
extension DoctorExpectation {
    func answerDoctor(_ configuration: ConfigurationOption, _ output: OutputOptions) throws -> AnswerDoctor {
        let method = method ?? ""
        if let alipayPublicKey {
            return AnswerDoctor(
                method: method, keys: try DoctorKeyring(alipay: alipayPublicKey, own: appKey).all, algorithm: signType,
                charset: charset == .gbk ? .gbk : .utf8, contentKey: try aesKey.map(Self.contentKey))
        }
        let settings = try configuration.load().settings
        let app = try chosen(among: settings.apps)
        let keys = try DoctorKeyring(settings, appID: app.id)
        for warning in keys.warnings { output.note("warning: " + TerminalText.oneLine(warning)) }
        return AnswerDoctor(
            method: method, keys: keys.all, algorithm: app.signType, charset: app.charset == .gbk ? .gbk : .utf8,
            contentKey: app.aesKey.flatMap { try? ContentKey(text: $0.reveal()) },
            // Nil when a key is wrong, which is what the doctor is asked about.
            app: try? settings.loadKeys()[app.id])
    }

    private static func contentKey(_ file: String) throws -> ContentKey {
        do {
            return try ContentKey(text: SettingsFile.text(file))
        } catch let error as SettingsFile.Unreadable {
            throw CommandFailure("the content key in \(file) \(error.reason)", .configuration)
        } catch {
            throw CommandFailure("the content key in \(file): \(error)", .configuration)
        }
    }

    private func chosen(among apps: [AppSettings]) throws -> AppSettings {
        let ids = apps.map(\.id).joined(separator: ", ")
        if let app {
            guard let found = apps.first(where: { $0.id == app }) else {
                throw CommandFailure("no app \(app) is configured; there are: \(ids)", .noneMatched)
            }
            return found
        }
        guard let only = apps.first, apps.count == 1 else {
            throw CommandFailure(
                apps.isEmpty
                    ? "no app is configured; name a key with --alipay-public-key" : "name the app with --app: \(ids)",
                .usage)
        }
        return only
    }
}

extension AppSettings.CharsetName: ExpressibleByArgument {}

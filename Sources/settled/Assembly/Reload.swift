import Alipay
import Logging
import ServiceLifecycle
import Settlement
import Synchronization
import UnixSignals
import Wire

/// Reads the configuration anew on SIGHUP: keys, certificates, tokens, merchants, sources and rates change without a request
/// being dropped.
///
/// Everything is read and checked first. A configuration that is wrong changes nothing and is one line in the log. What only
/// a restart can change is named in a warning.
final class Reload: Service {
    private struct State {
        var loaded: LoadedSettings
        var apps: [String: GatewayApp]
    }

    private let state: Mutex<State>
    private let line: Line
    private let load: @Sendable () throws -> LoadedSettings
    private let logger: Logger

    /// - Parameters:
    ///   - load: reads the settings from where they came at the start.
    init(
        _ loaded: LoadedSettings, apps: [String: GatewayApp], line: Line, logger: Logger,
        load: @escaping @Sendable () throws -> LoadedSettings
    ) {
        state = Mutex(State(loaded: loaded, apps: apps))
        self.line = line
        self.logger = logger
        self.load = load
    }

    func run() async {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() { reload() }
    }

    /// Reads once; the log says what came of it.
    func reload() {
        let running = state.withLock { $0 }
        do {
            let loaded = try load()
            let keys = try loaded.settings.readKeys(earlier: running.apps, logger: logger)
            let credentials = try line.credentials(loaded.settings, apps: keys.apps)
            line.keyring.replace(with: credentials)
            for change in line.changes { change(loaded.settings) }
            for (id, door) in credentials.doors { door.change(loaded.settings.limits(of: id)) }
            state.withLock { $0 = State(loaded: loaded, apps: keys.apps) }
            for warning in loaded.warnings + keys.warnings { logger.warning("\(warning)") }
            report(Self.changes(from: running.loaded, to: loaded))
        } catch {
            logger.error(
                "the configuration was not reloaded; the program goes on with the one it has",
                metadata: ["err.msg": "\(CommandFailure(error).description)"])
        }
    }

    private func report(_ changed: [SettingPath]) {
        let (now, later) = (changed.filter(Self.changesWhileRunning), changed.filter { !Self.changesWhileRunning($0) })
        logger.notice(
            "the configuration was reloaded", metadata: ["changed": .array(now.map { .string($0.description) })])
        if !later.isEmpty {
            logger.warning(
                "these settings have changed and count after a restart only",
                metadata: ["settings": .array(later.map { .string($0.description) })])
        }
    }

    /// The settings whose values differ. A text in a file of its own is compared by its digest.
    static func changes(from old: LoadedSettings, to new: LoadedSettings) -> [SettingPath] {
        func values(_ loaded: LoadedSettings) -> [SettingPath: String] {
            Dictionary(
                loaded.entries.map { ($0.path, $0.value ?? "") }, uniquingKeysWith: { first, _ in first })
        }
        let (before, after) = (values(old), values(new))
        return Set(before.keys).union(after.keys).filter { before[$0] ?? "" != after[$0] ?? "" }
            .sorted { $0.description < $1.description }
    }

    /// Whether a reload is enough for a setting. The list is of what is read for each call or notification.
    static func changesWhileRunning(_ path: SettingPath) -> Bool {
        let text = path.pattern
        let prefixes = [
            "apps[]", "merchants[]", "sources[]", "gateway.deadline", "gateway.rate", "gateway.retry",
            "gateway.breaker_failures", "taobao.session", "withholding.rate_per_second", "agreements.rate_per_second",
        ]
        return prefixes.contains { text.hasPrefix($0) }
    }
}

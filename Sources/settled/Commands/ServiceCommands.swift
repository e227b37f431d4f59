import ArgumentParser
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// `settled run`: takes notifications in and settles them, in one process, until SIGTERM.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Serve and work in one process, until SIGTERM.")

    @Flag(name: .long, help: "Apply missing migrations first.")
    var migrate = false
    @OptionGroup var configuration: ConfigurationOption

    func run() async throws {
        try await LongRunning.run(configuration, roles: [.serve, .work], migrate: migrate)
    }
}

/// `settled serve`: notifications in, feed and API out.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Take notifications in and serve the feed, until SIGTERM.")

    @OptionGroup var configuration: ConfigurationOption

    func run() async throws { try await LongRunning.run(configuration, roles: .serve, migrate: false) }
}

/// `settled work`: asks the gateway, settles, numbers the feed.
struct WorkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work", abstract: "Work on jobs and number the feed, until SIGTERM.")

    @OptionGroup var configuration: ConfigurationOption

    func run() async throws { try await LongRunning.run(configuration, roles: .work, migrate: false) }
}

private enum LongRunning {
    static func run(_ configuration: ConfigurationOption, roles: Line.Roles, migrate: Bool) async throws {
        // One that comes before there is anything to reload must not end the program.
        signal(SIGHUP, SIG_IGN)
        try Startup.checkFailPoints()
        let loaded = try configuration.load()
        let settings = loaded.settings
        let logger = Startup.logger(settings.log)
        let keys = try settings.readKeys(logger: logger)
        for warning in loaded.warnings + keys.warnings { logger.warning("\(warning)") }
        if migrate { try await Startup.migrate(settings.database.direct) }
        try await Startup.checkDatabase(settings.database)
        let line = try Line(settings, apps: keys.apps, roles: roles, logger: logger) { addresses in
            logger.notice(
                "listening",
                metadata: [
                    "notify": "\(addresses.notify ?? "-")", "api": "\(addresses.api ?? "-")",
                    "admin": "\(addresses.admin)",
                ])
        }
        let reload = Reload(loaded, apps: keys.apps, line: line, logger: logger) { try configuration.load() }
        var group = ServiceGroupConfiguration(
            services: ([reload] + line.services).map { .init(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger)
        // A shutdown that hangs must not keep a deploy waiting for ever.
        group.maximumGracefulShutdownDuration = settings.work.drain + .seconds(10)
        try await ServiceGroup(configuration: group).run()
        logger.notice("stopped")
    }
}

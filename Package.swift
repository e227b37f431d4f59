// swift-tools-version: 6.2
import PackageDescription

/// One list for every target, so that no target is built under milder rules than its neighbours.
///
/// - ExistentialAny (SE-0335): an existential is always spelled `any`.
/// - MemberImportVisibility (SE-0444): a file imports what it uses.
/// - NonisolatedNonsendingByDefault (SE-0461): a nonisolated async function stays on its caller's executor,
///   so a call on a connection's thread does not hop away and back.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "settled",
    products: [
        .executable(name: "settled", targets: ["settled"]),
        .library(name: "JobQueue", targets: ["JobQueue"]),
        .library(name: "Postgres", targets: ["Postgres"]),
        .library(name: "Alipay", targets: ["Alipay"]),
        .library(name: "Taobao", targets: ["Taobao"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"]), .brew(["openssl"])]),
        .systemLibrary(name: "CMalloc"),
        .target(name: "FailPoints", swiftSettings: settings),
        .target(
            name: "Schema", dependencies: ["Postgres"], path: "sql",
            resources: [.embedInCode("migrations")], swiftSettings: settings),
        .target(name: "Postgres", dependencies: ["CLibPQ", log, lifecycle], swiftSettings: settings),
        .target(
            name: "Wire", dependencies: ["COpenSSL", nioCore, nioHTTP1, nioPosix, nioSSL],
            swiftSettings: settings),
        .target(name: "Alipay", dependencies: ["Wire", "COpenSSL"], swiftSettings: settings),
        .target(name: "Taobao", dependencies: ["Wire", "COpenSSL"], swiftSettings: settings),
        .target(name: "JobQueue", dependencies: ["Postgres", "FailPoints", log, lifecycle], swiftSettings: settings),
        .target(name: "Telemetry", dependencies: [log], swiftSettings: settings),
        .target(
            name: "Settlement",
            dependencies: [
                "Wire", "Alipay", "Taobao", "Postgres", "JobQueue", "Telemetry", "FailPoints", log, lifecycle,
            ],
            swiftSettings: settings),
        .target(
            name: "Web",
            dependencies: [
                "Wire", "Settlement", "JobQueue", "Telemetry", "FailPoints", hummingbird, hummingbirdTLS, httpTypes,
                nioCore,
                nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1, nioSSL, log, lifecycle,
            ],
            swiftSettings: settings),
        .target(
            name: "Sandbox",
            dependencies: [
                "Wire", "Alipay", "COpenSSL", "Postgres", hummingbird, httpTypes, nioCore, httpClient, nioHTTP1,
                subprocess,
                systemPackage,
                log, lifecycle,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "settled",
            dependencies: [
                "Web", "Settlement", "JobQueue", "Postgres", "Wire", "Alipay", "Taobao", "Schema", "Telemetry",
                "FailPoints", "Sandbox", "CMalloc",
                arguments, yams, log, lifecycle, unixSignals, httpClient, hummingbird, hummingbirdTLS, nioCore,
                nioHTTP1,
                nioSSL, subprocess, systemPackage,
            ],
            swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["Sandbox", "Schema", "Postgres", log, nioCore, nioPosix, nioSSL],
            path: "Tests/TestSupport",
            swiftSettings: settings),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "WireTests", dependencies: ["Wire"], swiftSettings: settings),
        .testTarget(
            name: "AlipayTests", dependencies: ["Alipay", "Wire", "COpenSSL", "Sandbox", "TestSupport"],
            resources: [.copy("Vectors")], swiftSettings: settings),
        .testTarget(
            name: "TaobaoTests", dependencies: ["Taobao", "Wire"], resources: [.copy("Vectors")],
            swiftSettings: settings),
        .testTarget(name: "JobQueueTests", dependencies: ["JobQueue", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "SettlementTests", dependencies: ["Settlement", "Taobao", "Wire", "Sandbox", "TestSupport"],
            swiftSettings: settings),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry"], swiftSettings: settings),
        .testTarget(
            name: "WebTests",
            dependencies: [
                "Web", "Settlement", "JobQueue", "Wire", "Alipay", "Postgres", "Schema", "Telemetry", "TestSupport",
                log,
                lifecycle,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SandboxTests",
            dependencies: [
                "Sandbox", "Wire", "Alipay", "Taobao", "TestSupport", hummingbird, httpTypes, nioCore, httpClient,
                systemPackage,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CommandTests", dependencies: ["settled", "Sandbox", "Wire", "Taobao", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "settled", "Sandbox", "Settlement", "Wire", "Alipay", "Postgres", "FailPoints", "TestSupport",
                httpClient,
                nioCore, nioHTTP1,
                systemPackage, log,
            ],
            swiftSettings: settings),
    ]
)

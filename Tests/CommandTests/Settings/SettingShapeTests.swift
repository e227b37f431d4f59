import Testing

@testable import settled

@Suite("Forms of values")
struct SettingShapeTests {
    @Test(
        "Durations",
        arguments: [
            ("30s", .seconds(30)), ("2m", .seconds(120)), ("1h", .seconds(3600)), ("500ms", .milliseconds(500)),
            ("1h30m", .seconds(5400)), ("400d", .seconds(400 * 86_400)), ("0s", .zero),
            ("1d1h1m1s1ms", .milliseconds(90_061_001)),
        ] as [(String, Duration)])
    func durations(text: String, duration: Duration) {
        #expect(DurationText.parse(text) == duration)
        #expect(DurationText.text(duration) == text)
    }

    @Test(
        "What is no duration",
        arguments: [
            "", "30", "s", "-1s", "1.5s", "1 s", "1s1h", "1s1s", "1w", "1S", "１s", "99999999999999d", "36526d",
            "999999999999h",
        ])
    func noDurations(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(
        "Sizes",
        arguments: [("256KiB", 262_144), ("4MiB", 4_194_304), ("1GiB", 1_073_741_824), ("1000", 1000), ("0", 0)])
    func sizes(text: String, bytes: Int) {
        #expect(ByteSize.parse(text) == bytes)
        #expect(ByteSize.text(bytes) == (bytes == 0 ? "0" : text))
    }

    @Test("What is no size", arguments: ["", "1KB", "-1", "1.5MiB", "KiB", "999999999999GiB", "1 MiB"])
    func noSizes(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }

    @Test(
        "Addresses to listen on",
        arguments: [
            ("0.0.0.0:8080", "0.0.0.0", 8080), ("[::1]:9090", "::1", 9090), ("localhost:0", "localhost", 0),
            ("host-1.example:65535", "host-1.example", 65535), ("[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1),
        ])
    func addresses(text: String, host: String, port: Int) {
        #expect(ListenAddress(text) == ListenAddress(host: host, port: port))
        #expect(ListenAddress(text)?.description == text)
    }

    @Test(
        "What is no address to listen on",
        arguments: [
            "", ":8080", "8080", "::1:8080", "[::1]", "[x]:1", "a b:1", "a:65536", "a:-1", "a:+1", "a/b:1",
            "[1.2.3.4]:1",
        ])
    func noAddresses(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(
        "Networks know their addresses",
        arguments: [
            ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false),
            ("192.168.4.0/22", "192.168.7.9", true),
            ("192.168.4.0/22", "192.168.8.1", false), ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe80::1", false),
            ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false), ("10.0.0.0/8", "::ffff:10.255.1.2", true),
            ("10.0.0.0/8", "::ffff:11.0.0.1", false), ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "11.1.2.3", false), ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("::/0", "fd12::1", true), ("::/0", "10.0.0.1", false),
        ])
    func networks(network: String, address: String, isInside: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(try #require(NetworkRange(network)).contains(address) == isInside)
    }

    @Test(
        "What is no network",
        arguments: [
            "", "10.0.0.0/33", "10.0.0/8", "x/8", "10.0.0.0/8/8", "::1/129", "10.0.0.0/-1", "::ffff:10.0.0.0/95",
            "::ffff:10.0.0.0/129",
        ])
    func noNetworks(text: String) {
        #expect(NetworkRange(text) == nil)
    }

    @Test(
        "Times of day",
        arguments: [
            ("03:30", true), ("23:59", true), ("00:00", true), ("24:00", false), ("3:30", false), ("03:60", false),
            ("03:30:00", false),
            ("", false), ("０3:30", false), ("+3:30", false),
        ])
    func clockTimes(text: String, isRight: Bool) {
        #expect(ClockTime(text)?.description == (isRight ? text : nil))
    }

    @Test(
        "Truth values",
        arguments: [("true", true), ("No", false), ("on", true), ("0", false), ("maybe", nil)] as [(String, Bool?)])
    func flags(text: String, value: Bool?) {
        #expect(SettingShape.flag.parse(text) == value)
    }
}

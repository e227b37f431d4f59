import Synchronization

/// Keeps every metric of the process and renders them as one page of Prometheus text.
///
/// Counters and histograms are written where things happen; what must be asked for (rows waiting, connections in use)
/// comes from collectors that run at each scrape, together and under one deadline. A collector that fails or is late
/// costs its own gauges for that scrape, never the page.
public final class MetricRegistry: Sendable {
    /// One gauge value that a collector answers with.
    public struct Reading: Sendable, Hashable {
        let metric: String
        let labels: [String]
        let value: Double

        public init(_ metric: String, labels: [String] = [], _ value: Double) {
            self.metric = Exposition.name(metric)
            self.labels = labels.map { String($0.prefix(Exposition.longestLabelValue)) }
            self.value = value
        }
    }

    public typealias Collector = @Sendable () async throws -> [Reading]

    private enum Metric: Sendable {
        case counter(Family<Counter>)
        case gauge(Family<Gauge>)
        case histogram(Family<Histogram>)
    }

    private struct Content: Sendable {
        var metrics: [Metric] = []
        var collectors: [(name: String, collect: Collector)] = []
    }

    private let content = Mutex(Content())
    private let failures: Family<Counter>
    private let deadline: Duration

    /// The content type that a page of metrics is served with.
    public static let contentType = Exposition.contentType

    /// - Parameters:
    ///   - prefix: what the registry's own metric begins with.
    ///   - deadline: how long collectors may take together; later ones are cancelled and left out of that scrape.
    public init(prefix: String = "settled_", deadline: Duration = .seconds(3)) {
        self.deadline = deadline
        failures = Family(
            name: prefix + "scrape_failures_total",
            help: "Collectors that failed or were late, whose gauges are missing from that scrape.",
            labels: ["collector"], make: Counter.init)
        content.withLock { $0.metrics.append(.counter(failures)) }
    }

    /// A metric that only grows. Its name ends in `_total`.
    public func counter(_ name: String, _ help: String, labels: [String] = []) -> Family<Counter> {
        let family = Family(name: name, help: help, labels: labels, make: Counter.init)
        // Without labels there is one series, and it is there from the start: a rate over its first event needs the zero.
        if labels.isEmpty { _ = family[] }
        content.withLock { $0.metrics.append(.counter(family)) }
        return family
    }

    /// A metric that goes up and down, set by the program or read by a collector.
    public func gauge(_ name: String, _ help: String, labels: [String] = []) -> Family<Gauge> {
        let family = Family(name: name, help: help, labels: labels, make: Gauge.init)
        content.withLock { $0.metrics.append(.gauge(family)) }
        return family
    }

    /// Durations in seconds. Its name ends in `_seconds`.
    ///
    /// - Parameter buckets: upper bounds in seconds; they are sorted, +Inf is added.
    public func histogram(
        _ name: String, _ help: String, labels: [String] = [], buckets: [Double]
    ) -> Family<Histogram> {
        let bounds = Set(buckets).filter(\.isFinite).sorted()
        let family = Family(name: name, help: help, labels: labels) { Histogram(bounds: bounds) }
        if labels.isEmpty { _ = family[] }
        content.withLock { $0.metrics.append(.histogram(family)) }
        return family
    }

    /// Asks `collect` for gauge values at each scrape. It must end soon after its task is cancelled.
    ///
    /// - Parameter name: names the collector when it fails; a second one of the same name replaces the first.
    public func collect(_ name: String, _ collect: @escaping Collector) {
        content.withLock { content in
            content.collectors.removeAll { $0.name == name }
            content.collectors.append((name: name, collect: collect))
        }
    }

    /// The whole page, each metric with its HELP and TYPE, in the order of declaration.
    public func render() async -> String {
        let (metrics, collectors) = content.withLock { ($0.metrics, $0.collectors) }
        let readings = await readings(of: collectors)
        return metrics.reduce(into: "") { page, metric in
            switch metric {
            case .counter(let family): page += family.render()
            case .gauge(let family): page += family.render(readings[family.name] ?? [:])
            case .histogram(let family): page += family.render()
            }
        }
    }

    private func readings(of collectors: [(name: String, collect: Collector)]) async -> [String: [[String]: Double]] {
        guard !collectors.isEmpty else { return [:] }
        let limit = deadline
        return await withTaskGroup(of: (name: String, readings: [Reading]?)?.self) { group in
            for collector in collectors {
                group.addTask { (name: collector.name, readings: try? await collector.collect()) }
            }
            // The timer answers nil. Whatever still runs then is cancelled and answers with a failure.
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            var result: [String: [[String]: Double]] = [:]
            var waiting = collectors.count
            var late = false
            for await answer in group {
                guard let answer else {
                    late = true
                    group.cancelAll()
                    continue
                }
                waiting -= 1
                if let readings = answer.readings, !late {
                    for reading in readings { result[reading.metric, default: [:]][reading.labels] = reading.value }
                } else {
                    failures[answer.name].increment()
                }
                if waiting == 0 { group.cancelAll() }
            }
            return result
        }
    }
}

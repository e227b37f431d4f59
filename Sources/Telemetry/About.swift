// Telemetry says what the program is doing: numbers for Prometheus and lines for a log reader.
// It imports swift-log and nothing of ours, so that every other folder may import it.
// Start with Metrics.swift, the list of everything that is measured, then JSONLogHandler.swift.

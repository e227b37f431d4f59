// JobQueue is a queue of durable jobs in PostgreSQL for any kind of work: at least once, fenced, with leases, retries, quarantine
// and replay. It imports Postgres, FailPoints, swift-log and swift-service-lifecycle, and knows nothing of what the jobs are for.
// Start with docs/jobqueue.md; then Queue/ (what programs do, in the order of the line), Engine/JobRunner.swift, Store/ (for people).

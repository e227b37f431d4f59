// JobQueue is a queue of durable jobs in PostgreSQL for any kind of work: at least once, fenced, with leases, retries, quarantine
// and replay. It imports Postgres, FailPoints, swift-log and swift-service-lifecycle, and knows nothing of what the jobs are for.
// Start with docs/jobqueue.md, then NewJob → Enqueue → Claim → JobHandler → Finish; JobRunner drives them, JobStore is for people.

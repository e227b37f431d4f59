-- Indexes for people who look something up: what came in for a job, what it settled, which payments hold a bill.

-- A notification's key is written in nearly the order of its job's id, so a block range index finds it again and costs the
-- intake next to nothing.
CREATE INDEX notification_keys_by_job ON settled.notification_keys USING brin (job_id)
    WITH (pages_per_range = 16, autosummarize = on);

CREATE INDEX settlements_by_job ON settled.settlements (job_id);
CREATE INDEX settlements_by_community ON settled.settlements (community_id, id) WHERE community_id IS NOT NULL;
CREATE INDEX settlement_bills_by_bill ON settled.settlement_bills (bill_entry_id);

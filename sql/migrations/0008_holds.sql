-- Holds: jobs that wait under a key until what stands in the way of all of them has passed. See docs/jobqueue.md.

ALTER TABLE settled.jobs
    ADD COLUMN hold_key text,
    DROP CONSTRAINT jobs_state,
    DROP CONSTRAINT jobs_cause,
    ADD CONSTRAINT jobs_state CHECK (
        state IN ('ready', 'scheduled', 'retrying', 'running', 'held', 'quarantined')),
    ADD CONSTRAINT jobs_cause CHECK (
        state NOT IN ('retrying', 'held', 'quarantined') OR (cause IS NOT NULL AND message IS NOT NULL)),
    -- A job that was let out to find out keeps its key until it has answered.
    ADD CONSTRAINT jobs_hold CHECK (
        CASE state WHEN 'held' THEN hold_key IS NOT NULL
                   WHEN 'ready' THEN true
                   WHEN 'running' THEN true
                   ELSE hold_key IS NULL END),
    ADD CONSTRAINT jobs_hold_key CHECK (length(hold_key) BETWEEN 1 AND 128);

COMMENT ON COLUMN settled.jobs.hold_key IS 'held: the key of its hold. ready or running: the hold that it was let out of, to find out whether its cause has passed.';

-- Held jobs in the order in which they are let out, and those that are out.
CREATE INDEX jobs_hold ON settled.jobs (queue, hold_key, state, priority, id) WHERE hold_key IS NOT NULL;

-- One row for each cause that keeps jobs of a queue waiting. Whoever holds a job writes it; whoever lets jobs out locks it first.
CREATE TABLE settled.holds (
    queue           text        NOT NULL,
    key             text        NOT NULL,
    cause           text        NOT NULL,
    reason          text        NOT NULL,
    since           timestamptz NOT NULL DEFAULT now(),
    -- When the next job is let out to find out; while the hold is lifted, the next batch.
    next_at         timestamptz NOT NULL,
    probes          integer     NOT NULL DEFAULT 0,
    -- The last probe. The next one comes after it, so that one job whose own answer is broken does not keep all others waiting.
    probed_priority smallint,
    probed_id       bigint,
    lifted_at       timestamptz,
    -- How many of its jobs may be out at once while it is lifted.
    lift_window     integer,
    PRIMARY KEY (queue, key),
    CONSTRAINT holds_key CHECK (length(key) BETWEEN 1 AND 128),
    CONSTRAINT holds_lifted CHECK ((lifted_at IS NULL) = (lift_window IS NULL)),
    CONSTRAINT holds_probed CHECK ((probed_priority IS NULL) = (probed_id IS NULL))
);

COMMENT ON TABLE settled.holds IS 'What keeps held jobs waiting: under which key, why, since when. A row goes when nobody waits under it any more.';

ALTER TABLE settled.job_attempts
    DROP CONSTRAINT job_attempts_disposition,
    ADD CONSTRAINT job_attempts_disposition CHECK (
        disposition IN ('retry', 'snooze', 'hold', 'fail', 'quarantine', 'cancel', 'crash', 'lost', 'released'));

ALTER TABLE settled.job_events
    ADD COLUMN hold_key text,
    DROP CONSTRAINT job_events_action,
    DROP CONSTRAINT job_events_job,
    ADD CONSTRAINT job_events_action CHECK (
        action IN ('replay', 'resolve', 'cancel', 'quarantine', 'pause', 'resume', 'release')),
    ADD CONSTRAINT job_events_job CHECK ((job_id IS NULL) = (action IN ('pause', 'resume', 'release'))),
    ADD CONSTRAINT job_events_hold CHECK ((hold_key IS NOT NULL) = (action = 'release'));

CREATE OR REPLACE VIEW settled.job_list AS
SELECT id, queue, kind, state, priority, subject, unique_key, args, attempt, crashes, suspect, run_at, created_at,
       first_attempt_at, lease_epoch, lease_owner, lease_expires_at, NULL::timestamptz AS finished_at,
       NULL::text AS outcome, cause, message, note, hold_key
FROM settled.jobs
UNION ALL
SELECT id, queue, kind, state, priority, subject, unique_key, args, attempt, crashes, false, run_at, created_at,
       first_attempt_at, lease_epoch, lease_owner, NULL, finished_at,
       outcome, cause, message, note, NULL
FROM settled.job_history;

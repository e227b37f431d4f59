-- The job queue. `jobs` holds what still has to happen and stays small and hot; `job_history` holds what has ended.
-- States, the plain-SQL enqueue contract and the reasons for each index: docs/jobqueue.md.

-- The order in which ready jobs are claimed. A job takes a new number whenever it becomes ready, so that a claimer may
-- start at the highest number it has seen (less a slack) and need not walk the dead index entries of all jobs before.
CREATE SEQUENCE settled.job_ready_order AS bigint;

CREATE TABLE settled.jobs (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ready_order      bigint      NOT NULL DEFAULT nextval('settled.job_ready_order'),
    run_at           timestamptz NOT NULL DEFAULT now(),
    created_at       timestamptz NOT NULL DEFAULT now(),
    first_attempt_at timestamptz,
    lease_epoch      bigint      NOT NULL DEFAULT 0,
    lease_owner      bigint,
    lease_expires_at timestamptz,
    attempt          integer     NOT NULL DEFAULT 0,
    priority         smallint    NOT NULL DEFAULT 1,
    crashes          smallint    NOT NULL DEFAULT 0,
    suspect          boolean     NOT NULL DEFAULT false,
    started          boolean     NOT NULL DEFAULT false,
    state            text        NOT NULL DEFAULT 'ready',
    queue            text        NOT NULL,
    kind             text        NOT NULL,
    subject          text,
    unique_key       text,
    cause            text,
    message          text,
    note             text,
    args             jsonb       NOT NULL DEFAULT '{}',

    CONSTRAINT jobs_state CHECK (state IN ('ready', 'scheduled', 'retrying', 'running', 'quarantined')),
    CONSTRAINT jobs_priority CHECK (priority BETWEEN 0 AND 3),
    CONSTRAINT jobs_lease CHECK (
        (lease_owner IS NOT NULL) = (state = 'running') AND (lease_expires_at IS NOT NULL) = (state = 'running')),
    CONSTRAINT jobs_started CHECK (NOT started OR state = 'running'),
    CONSTRAINT jobs_cause CHECK (
        state NOT IN ('retrying', 'quarantined') OR (cause IS NOT NULL AND message IS NOT NULL)),
    CONSTRAINT jobs_counts CHECK (lease_epoch >= 0 AND attempt >= 0 AND crashes >= 0),
    CONSTRAINT jobs_names CHECK (length(queue) BETWEEN 1 AND 64 AND length(kind) BETWEEN 1 AND 64),
    CONSTRAINT jobs_args CHECK (jsonb_typeof(args) = 'object')
) WITH (
    -- Every job leaves two dead rows behind within seconds, so vacuum comes early and is not throttled.
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 5000
);

COMMENT ON TABLE settled.jobs IS 'Jobs that have not ended. INSERT (queue, kind, args, …) enqueues; nothing else is for outsiders to write.';
COMMENT ON COLUMN settled.jobs.lease_epoch IS 'Incremented by every claim, never reset or reused: what a completion is fenced on.';
COMMENT ON COLUMN settled.jobs.attempt IS 'Attempts spent of the retry budget. Snoozes, crashes, releases and replays spend none.';
COMMENT ON COLUMN settled.jobs.started IS 'The handler may have begun; only such a job can be blamed for the death of its worker.';
COMMENT ON COLUMN settled.jobs.suspect IS 'A worker died while this job ran among others: the next time it runs alone.';
COMMENT ON COLUMN settled.jobs.crashes IS 'Workers that died while this job ran alone; the third quarantines it.';
COMMENT ON COLUMN settled.jobs.subject IS 'The business key that people search by, such as a trade number.';

CREATE INDEX jobs_ready ON settled.jobs (queue, priority, ready_order) WHERE state = 'ready' AND NOT suspect;
CREATE INDEX jobs_suspect ON settled.jobs (queue, ready_order) WHERE state = 'ready' AND suspect;
CREATE INDEX jobs_due ON settled.jobs (run_at) WHERE state IN ('scheduled', 'retrying');
CREATE INDEX jobs_leased ON settled.jobs (lease_expires_at) WHERE state = 'running';
CREATE INDEX jobs_quarantined ON settled.jobs (id) WHERE state = 'quarantined';
-- One live job for a key. A job holds its key until it ends; a quarantined one has not ended.
CREATE UNIQUE INDEX jobs_unique_key ON settled.jobs (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX jobs_subject ON settled.jobs (subject) WHERE subject IS NOT NULL;

CREATE TABLE settled.job_history (
    id               bigint      PRIMARY KEY,
    run_at           timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    first_attempt_at timestamptz,
    finished_at      timestamptz NOT NULL DEFAULT now(),
    lease_epoch      bigint      NOT NULL,
    lease_owner      bigint,
    attempt          integer     NOT NULL,
    priority         smallint    NOT NULL,
    crashes          smallint    NOT NULL,
    state            text        NOT NULL,
    queue            text        NOT NULL,
    kind             text        NOT NULL,
    subject          text,
    unique_key       text,
    outcome          text,
    cause            text,
    message          text,
    note             text,
    args             jsonb       NOT NULL,

    CONSTRAINT job_history_state CHECK (state IN ('done', 'failed', 'cancelled')),
    CONSTRAINT job_history_outcome CHECK ((state = 'done') = (outcome IS NOT NULL)),
    CONSTRAINT job_history_cause CHECK (state <> 'failed' OR (cause IS NOT NULL AND message IS NOT NULL))
);

COMMENT ON TABLE settled.job_history IS 'Jobs that have ended: done with an outcome, failed with a cause, or cancelled. Pruned by age.';

CREATE INDEX job_history_finished ON settled.job_history (finished_at);
CREATE INDEX job_history_subject ON settled.job_history (subject) WHERE subject IS NOT NULL;
CREATE INDEX job_history_stopped ON settled.job_history (state, id) WHERE state <> 'done';

-- Every attempt that did not simply end in `done`, with its error.
CREATE TABLE settled.job_attempts (
    job_id      bigint      NOT NULL,
    lease_epoch bigint      NOT NULL,
    worker      bigint,
    ended_at    timestamptz NOT NULL DEFAULT now(),
    disposition text        NOT NULL,
    cause       text,
    message     text,
    PRIMARY KEY (job_id, lease_epoch),
    CONSTRAINT job_attempts_disposition CHECK (
        disposition IN ('retry', 'snooze', 'fail', 'quarantine', 'cancel', 'crash', 'lost', 'released'))
);

-- What people did to jobs and queues: who, what, why.
CREATE TABLE settled.job_events (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    job_id     bigint,
    queue      text        NOT NULL,
    action     text        NOT NULL,
    actor      text        NOT NULL,
    reason     text        NOT NULL,
    from_state text,
    to_state   text,
    cause      text,
    CONSTRAINT job_events_action CHECK (action IN ('replay', 'resolve', 'cancel', 'quarantine', 'pause', 'resume')),
    CONSTRAINT job_events_job CHECK ((job_id IS NULL) = (action IN ('pause', 'resume')))
);

CREATE INDEX job_events_job ON settled.job_events (job_id) WHERE job_id IS NOT NULL;

CREATE TABLE settled.queues (
    name       text        PRIMARY KEY,
    paused     boolean     NOT NULL DEFAULT false,
    reason     text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text,
    CONSTRAINT queues_paused CHECK (NOT paused OR (reason IS NOT NULL AND changed_by IS NOT NULL))
);

-- One row for each runner in each process. `connected_since` restarts when a heartbeat comes late: it tells
-- an outage of the database, which no job is blamed for, from the death of one worker.
CREATE TABLE settled.workers (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text        NOT NULL,
    queue           text        NOT NULL,
    started_at      timestamptz NOT NULL DEFAULT now(),
    heartbeat_at    timestamptz NOT NULL DEFAULT now(),
    connected_since timestamptz NOT NULL DEFAULT now(),
    stopping_at     timestamptz,
    stopped_at      timestamptz,
    running         integer     NOT NULL DEFAULT 0
);

-- All jobs, live and ended, in one shape: for people and for the read side, never for the hot path.
CREATE VIEW settled.job_list AS
SELECT id, queue, kind, state, priority, subject, unique_key, args, attempt, crashes, suspect, run_at, created_at,
       first_attempt_at, lease_epoch, lease_owner, lease_expires_at, NULL::timestamptz AS finished_at,
       NULL::text AS outcome, cause, message, note
FROM settled.jobs
UNION ALL
SELECT id, queue, kind, state, priority, subject, unique_key, args, attempt, crashes, false, run_at, created_at,
       first_attempt_at, lease_epoch, lease_owner, NULL, finished_at,
       outcome, cause, message, note
FROM settled.job_history;

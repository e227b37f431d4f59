-- What a hand-written receiver would use: one table with a unique key, a state and a payload.
DROP TABLE IF EXISTS plain_jobs;
CREATE TABLE plain_jobs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dedupe_key  text        NOT NULL UNIQUE,
    kind        text        NOT NULL,
    state       smallint    NOT NULL DEFAULT 0,
    priority    smallint    NOT NULL DEFAULT 0,
    attempts    smallint    NOT NULL DEFAULT 0,
    run_at      timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    worker      text,
    payload     jsonb       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX plain_jobs_ready ON plain_jobs (priority, run_at, id) WHERE state = 0;
CREATE INDEX plain_jobs_leased ON plain_jobs (lease_until) WHERE state = 1;

-- Withholding agreements (代扣协议) as the institution knows them, and what Alipay said of each, run by run.

-- What one agreement is found by: its number where it has one, else the household at its institution. With the app and the
-- user it is the agreement's key, and rows without a number are compared by the four others, none of which is NULL then.
CREATE FUNCTION settled.agreement_subject(agreement_id text, biz_type text, sub_biz_type text, charge_inst text, bill_key text)
    RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN agreement_id IS NOT NULL THEN 'id' || chr(31) || agreement_id
                ELSE biz_type || chr(31) || sub_biz_type || chr(31) || charge_inst || chr(31) || bill_key END;

CREATE TABLE settled.agreements (
    id               bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id           text        NOT NULL,
    user_id          text        NOT NULL CHECK (user_id ~ '^[0-9]{16}$'),
    agreement_id     text,
    biz_type         text,
    sub_biz_type     text,
    charge_inst      text,
    bill_key         text,
    -- Compared with the answer where they are known; an import without the column leaves them alone.
    out_agreement_id text,
    sign_date        text,
    subject          text        NOT NULL GENERATED ALWAYS AS
        (settled.agreement_subject(agreement_id, biz_type, sub_biz_type, charge_inst, bill_key)) STORED,
    imported_at      timestamptz NOT NULL DEFAULT now(),
    changed_at       timestamptz NOT NULL DEFAULT now(),
    -- The run whose check is the latest; NULL until the first.
    last_run_id      bigint,
    UNIQUE (app_id, user_id, subject)
) WITH (fillfactor = 90);
CREATE INDEX agreements_by_number ON settled.agreements (agreement_id) WHERE agreement_id IS NOT NULL;
CREATE INDEX agreements_by_bill ON settled.agreements (bill_key) WHERE bill_key IS NOT NULL;

COMMENT ON TABLE settled.agreements IS 'Withholding agreements as the institution knows them; settled agreements import writes them.';
COMMENT ON COLUMN settled.agreements.subject IS 'What the agreement is found by: its number, else type, sub-type, institution and household.';

-- One comparison of all agreements of an app.
CREATE TABLE settled.agreement_runs (
    id           bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id       text        NOT NULL,
    -- The day of a daily run, in China; NULL for one that a person asked for. One a day, however many processes there are.
    day          date,
    requested_by text        NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    -- All agreements up to this id have their jobs; NULL queued_at: a killed process left the rest, and the next goes on.
    queued_to    bigint      NOT NULL DEFAULT 0,
    queued       bigint      NOT NULL DEFAULT 0 CHECK (queued >= 0),
    queued_at    timestamptz,
    finished_at  timestamptz,
    UNIQUE (app_id, day),
    CHECK (finished_at IS NULL OR queued_at IS NOT NULL)
);
-- One run of an app at a time: two would ask everything twice.
CREATE UNIQUE INDEX agreement_runs_open ON settled.agreement_runs (app_id) WHERE finished_at IS NULL;

CREATE TABLE settled.agreement_checks (
    run_id      bigint      NOT NULL REFERENCES settled.agreement_runs (id),
    agreement   bigint      NOT NULL REFERENCES settled.agreements (id),
    checked_at  timestamptz NOT NULL DEFAULT now(),
    outcome     text        NOT NULL CHECK (outcome IN ('equal', 'differs', 'missing_at_alipay', 'undecided')),
    cause       text,
    -- [{"field":…,"here":…,"there":…}]
    differences jsonb       NOT NULL DEFAULT '[]',
    PRIMARY KEY (run_id, agreement),
    CHECK ((outcome = 'differs') = (differences <> '[]')),
    CHECK (outcome <> 'undecided' OR cause IS NOT NULL)
);
CREATE INDEX agreement_checks_by_agreement ON settled.agreement_checks (agreement, run_id DESC);

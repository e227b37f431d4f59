-- Withholding (代扣): orders that are asked about until they end, what was seen of each of their instalments, and their
-- settlements. Nothing that TOP answers is signed, so a settlement from here has the assurance `tls` and no other.

-- ---------------------------------------------------------------------------------------------------------------------
-- The ledger takes them in
-- ---------------------------------------------------------------------------------------------------------------------

-- A withheld instalment has no trade of the merchant's own and names no seller; it has its plan.
ALTER TABLE settled.settlements
    ALTER COLUMN trade_no DROP NOT NULL,
    ALTER COLUMN seller_id DROP NOT NULL,
    ADD COLUMN pay_biz_code text,
    ADD COLUMN biz_order_id text,
    ADD COLUMN plan_id text,
    ADD COLUMN alipay_trade_no text,
    ADD CONSTRAINT settlements_subject CHECK (
        CASE WHEN kind = 'withholding' THEN
            pay_biz_code IS NOT NULL AND biz_order_id IS NOT NULL AND plan_id IS NOT NULL
            AND trade_no IS NULL AND refund_no = '' AND assurance = 'tls'
        ELSE
            trade_no IS NOT NULL AND seller_id IS NOT NULL
            AND num_nonnulls(pay_biz_code, biz_order_id, plan_id, alipay_trade_no) = 0
        END);

-- One settlement for an instalment, whatever is answered about it later.
CREATE UNIQUE INDEX settlements_withheld ON settled.settlements (kind, pay_biz_code, biz_order_id, plan_id)
    WHERE kind = 'withholding';
CREATE INDEX settlements_by_alipay_trade ON settled.settlements (alipay_trade_no) WHERE alipay_trade_no IS NOT NULL;

-- ---------------------------------------------------------------------------------------------------------------------
-- Orders
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE settled.withholdings (
    id              bigint      NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    pay_biz_code    text        NOT NULL CHECK (octet_length(pay_biz_code) BETWEEN 1 AND 16),
    biz_order_id    text        NOT NULL CHECK (octet_length(biz_order_id) BETWEEN 1 AND 128),
    -- The job that asks about it; an order that was resumed has a new one.
    job_id          bigint      NOT NULL,
    added_at        timestamptz NOT NULL DEFAULT now(),
    added_by        text        NOT NULL,
    -- As the platform wrote them last; null until it has answered.
    pay_status      text,
    pay_status_desc text,
    total_raw       text,
    total_fen       bigint,
    polls           bigint      NOT NULL DEFAULT 0 CHECK (polls >= 0),
    last_polled_at  timestamptz,
    -- Since when every answer has been a refusal (result.success is false).
    refused_since   timestamptz,
    -- Set when the order ended and its money agreed.
    ended_at        timestamptz,
    PRIMARY KEY (pay_biz_code, biz_order_id),
    CHECK (ended_at IS NULL OR pay_status IN ('SUCCESSED', 'FAILED'))
);
CREATE INDEX withholdings_by_order ON settled.withholdings (biz_order_id);
CREATE INDEX withholdings_open ON settled.withholdings (pay_status) WHERE ended_at IS NULL;

COMMENT ON TABLE settled.withholdings IS 'Orders that are asked about at TOP. settled withholding add writes them, with their jobs.';
COMMENT ON COLUMN settled.withholdings.total_raw IS 'The digits as the platform wrote them; total_fen is their reading in the configured unit.';

-- What is known of each instalment now.
CREATE TABLE settled.withholding_details (
    pay_biz_code    text        NOT NULL,
    biz_order_id    text        NOT NULL,
    plan_id         text        NOT NULL,
    pay_status      text        NOT NULL,
    pay_status_desc text,
    amount_raw      text,
    amount_fen      bigint,
    alipay_trade_no text,
    pay_time        timestamptz,
    create_time     timestamptz,
    err_code        text,
    err_msg         text,
    settlement_id   bigint      REFERENCES settled.settlements (id),
    first_seen_at   timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pay_biz_code, biz_order_id, plan_id),
    FOREIGN KEY (pay_biz_code, biz_order_id) REFERENCES settled.withholdings (pay_biz_code, biz_order_id)
);

-- Each state in which an instalment was seen, in its order. What is written here never changes.
CREATE TABLE settled.withholding_detail_history (
    id              bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seen_at         timestamptz NOT NULL DEFAULT now(),
    job_id          bigint      NOT NULL,
    pay_biz_code    text        NOT NULL,
    biz_order_id    text        NOT NULL,
    plan_id         text        NOT NULL,
    pay_status      text        NOT NULL,
    pay_status_desc text,
    amount_raw      text,
    amount_fen      bigint,
    alipay_trade_no text,
    pay_time        timestamptz,
    err_code        text,
    err_msg         text,
    settlement_id   bigint
);
CREATE INDEX withholding_detail_history_by_order
    ON settled.withholding_detail_history (pay_biz_code, biz_order_id, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON settled.withholding_detail_history
    FOR EACH ROW EXECUTE FUNCTION settled.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON settled.withholding_detail_history
    FOR EACH STATEMENT EXECUTE FUNCTION settled.refuse_change();

-- Every question that was asked, in short; the answers themselves are in gateway_log and evidence. Kept as long as gateway_log.
CREATE TABLE settled.withholding_polls (
    id           bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    pay_biz_code text        NOT NULL,
    biz_order_id text        NOT NULL,
    job_id       bigint      NOT NULL,
    -- The order's status, or the failure's cause.
    verdict      text        NOT NULL,
    request_id   text
);
CREATE INDEX withholding_polls_by_order ON settled.withholding_polls (pay_biz_code, biz_order_id, id);
CREATE INDEX withholding_polls_by_age ON settled.withholding_polls USING brin (at) WITH (autosummarize = on);

-- Bans of an app at TOP: while one lasts no process asks, because asking makes it longer.
CREATE TABLE settled.top_bans (
    app_key        text        NOT NULL PRIMARY KEY,
    until          timestamptz NOT NULL,
    is_daily_quota boolean     NOT NULL,
    cause          text        NOT NULL,
    noted_at       timestamptz NOT NULL DEFAULT now()
);

-- Expectations: payments that the business knows of and that have not been announced yet (掉单), and bills that are to be paid by
-- a date. Whether one is fulfilled is always read from the ledger, never kept as a word of its own.

-- Which trade a query_token stands for, as the signed answer to a question with the token alone said. A settlement knows
-- its trade and not the token, and the job that asked goes one day.
CREATE TABLE settled.token_trades (
    app_id      text        NOT NULL,
    query_token text        NOT NULL,
    trade_no    text        NOT NULL,
    job_id      bigint      NOT NULL,
    noted_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (app_id, query_token)
);

COMMENT ON TABLE settled.token_trades IS 'The trade behind each query_token that was asked about, by a signed answer.';

CREATE TABLE settled.expectations (
    id             bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- A trade, a token or a bill; of the first two the app that asks, and the seller if somebody named it.
    app_id         text        CHECK (octet_length(app_id) BETWEEN 1 AND 32),
    trade_no       text        CHECK (octet_length(trade_no) BETWEEN 1 AND 64),
    query_token    text        CHECK (octet_length(query_token) BETWEEN 1 AND 64),
    seller_id      text        CHECK (octet_length(seller_id) BETWEEN 1 AND 32),
    bill_entry_id  text        CHECK (octet_length(bill_entry_id) BETWEEN 1 AND 128),
    community_id   text        CHECK (octet_length(community_id) BETWEEN 1 AND 128),
    -- The last day on which the bill is in time, in China; due_at is its end.
    due_on         date,
    amount_fen     bigint      CHECK (amount_fen > 0),
    subject        text        NOT NULL UNIQUE GENERATED ALWAYS AS (
        CASE WHEN trade_no IS NOT NULL THEN 'trade' || chr(31) || app_id || chr(31) || trade_no
             WHEN query_token IS NOT NULL THEN 'token' || chr(31) || app_id || chr(31) || query_token
             ELSE 'bill' || chr(31) || community_id || chr(31) || bill_entry_id END) STORED,
    due_at         timestamptz NOT NULL,
    added_at       timestamptz NOT NULL DEFAULT now(),
    added_by       text        NOT NULL,
    -- The job that asks, or that asked already when the time was up.
    asked_at       timestamptz,
    job_id         bigint,
    -- When the sweep looks at it next, while it is open.
    next_look_at   timestamptz NOT NULL,
    -- When the sweep found it settled; it looks no more then. What counts is expectation_list.
    fulfilled_at   timestamptz,
    cancelled_at   timestamptz,
    cancelled_by   text,
    cancel_reason  text,
    CONSTRAINT expectations_subject CHECK (num_nonnulls(trade_no, query_token, bill_entry_id) = 1),
    CONSTRAINT expectations_payment CHECK (bill_entry_id IS NOT NULL OR
        (app_id IS NOT NULL AND num_nonnulls(community_id, due_on, amount_fen) = 0)),
    CONSTRAINT expectations_bill CHECK (bill_entry_id IS NULL OR
        (num_nonnulls(community_id, due_on) = 2 AND num_nonnulls(app_id, seller_id, job_id) = 0)),
    CONSTRAINT expectations_asked CHECK ((asked_at IS NULL) = (job_id IS NULL)),
    CONSTRAINT expectations_cancelled CHECK (num_nonnulls(cancelled_at, cancelled_by, cancel_reason) IN (0, 3))
) WITH (fillfactor = 90);

COMMENT ON TABLE settled.expectations IS 'Payments that are expected and bills that are due. settled expect writes them, the sweep asks about them.';

CREATE INDEX expectations_to_look_at ON settled.expectations (next_look_at)
    WHERE fulfilled_at IS NULL AND cancelled_at IS NULL;
CREATE INDEX expectations_open ON settled.expectations (due_at) WHERE fulfilled_at IS NULL AND cancelled_at IS NULL;
CREATE INDEX expectations_fulfilled ON settled.expectations (fulfilled_at) WHERE fulfilled_at IS NOT NULL;
CREATE INDEX expectations_cancelled_at ON settled.expectations (cancelled_at) WHERE cancelled_at IS NOT NULL;
CREATE INDEX expectations_by_trade ON settled.expectations (trade_no) WHERE trade_no IS NOT NULL;
CREATE INDEX expectations_by_token ON settled.expectations (query_token) WHERE query_token IS NOT NULL;
CREATE INDEX expectations_by_bill ON settled.expectations (bill_entry_id) WHERE bill_entry_id IS NOT NULL;

-- Reversals are few, and are asked for by what they reverse.
CREATE INDEX settlements_reversing ON settled.settlements (original_id) WHERE original_id IS NOT NULL;

-- Each expectation with what the ledger has for it. A trade is fulfilled once it was settled, whatever came of it later: it
-- was heard of. A bill is while the lines that name it, less those of reversed payments, come to its amount.
CREATE VIEW settled.expectation_list AS
SELECT e.*, found.settlement_id, found.settled_fen, found.settled_at,
       CASE WHEN e.trade_no IS NOT NULL THEN 'trade' WHEN e.query_token IS NOT NULL THEN 'token' ELSE 'bill' END AS kind,
       CASE WHEN e.cancelled_at IS NOT NULL THEN 'cancelled'
            WHEN found.settled_fen >= coalesce(e.amount_fen, found.settled_fen) THEN 'fulfilled'
            WHEN e.due_at > now() THEN 'waiting'
            ELSE 'missing' END AS state
FROM settled.expectations e
LEFT JOIN LATERAL (
    SELECT s.id AS settlement_id, s.total_fen AS settled_fen, s.confirmed_at AS settled_at
    FROM settled.settlements s
    WHERE s.kind = 'payment' AND s.refund_no = '' AND s.trade_no = coalesce(e.trade_no,
        (SELECT t.trade_no FROM settled.token_trades t WHERE t.app_id = e.app_id AND t.query_token = e.query_token))
    UNION ALL
    SELECT max(s.id), sum(b.amount_fen)::int8, max(s.confirmed_at)
    FROM settled.settlement_bills b JOIN settled.settlements s ON s.id = b.settlement_id
    WHERE b.bill_entry_id = e.bill_entry_id AND s.community_id = e.community_id AND s.kind = 'payment'
      AND NOT EXISTS (SELECT FROM settled.settlements r WHERE r.original_id = s.id)
    HAVING count(*) > 0
) AS found ON true;

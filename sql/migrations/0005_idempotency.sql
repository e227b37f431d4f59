-- Answers to requests that changed something, by the key that the caller chose (Idempotency-Key), so that a request that is
-- repeated because its answer was lost is answered again and not done again. Kept for a day.

CREATE TABLE settled.idempotency_keys (
    token_id    bigint      NOT NULL REFERENCES settled.tokens (id),
    key         text        NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    -- SHA-256 of the path and the body: the same key for another request is a mistake of the caller.
    request     bytea       NOT NULL CHECK (octet_length(request) = 32),
    answer      bytea,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (token_id, key)
);
CREATE INDEX idempotency_keys_by_age ON settled.idempotency_keys (created_at);

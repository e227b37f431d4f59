-- One notification, one row, one commit.
\set r random(1, 4000000000000000000)
INSERT INTO plain_jobs (dedupe_key, kind, payload) VALUES ('notify:' || :r::bigint::text, 'query', :payload::jsonb) ON CONFLICT (dedupe_key) DO NOTHING;

-- A hundred rows in one statement and one commit.
\set r random(1, 4000000000000000000)
INSERT INTO plain_jobs (dedupe_key, kind, payload) SELECT 'notify:' || :r::bigint::text || ':' || n, 'query', :payload::jsonb FROM generate_series(1, 100) AS n ON CONFLICT (dedupe_key) DO NOTHING;

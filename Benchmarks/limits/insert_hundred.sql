-- A hundred rows in one statement and one commit, sent as arrays: the payloads cross over to the server, as those of any enqueuer do.
\set r random(1, 4000000000000000000)
INSERT INTO plain_jobs (dedupe_key, kind, payload) SELECT 'notify:' || :r::bigint::text || ':' || s, 'query', p FROM unnest(:suffixes::text[], :payloads::jsonb[]) AS sent (s, p) ON CONFLICT (dedupe_key) DO NOTHING;

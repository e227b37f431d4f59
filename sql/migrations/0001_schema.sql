-- The schema that holds everything of settled, and the record of what was applied to it.
-- The migrator makes both before it applies anything, since it has to write down even this file; they stand here so that
-- the files alone describe the database and `psql -f` in their order builds it.

CREATE SCHEMA IF NOT EXISTS settled;

CREATE TABLE IF NOT EXISTS settled.schema_migrations (
    number      int         PRIMARY KEY CHECK (number > 0),
    name        text        NOT NULL,
    sha256      text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at  timestamptz NOT NULL DEFAULT now()
);

COMMENT ON SCHEMA settled IS 'Payment notifications, their jobs, confirmed settlements and the feed that readers follow.';
COMMENT ON TABLE settled.schema_migrations IS 'Migrations that were applied. The text of an applied migration is never edited.';
COMMENT ON COLUMN settled.schema_migrations.sha256 IS 'SHA-256 of the text of the migration, UTF-8, in hex.';

-- An order may be told the same about for a month. Its answer is kept in gateway_log when it says something new, and the
-- question alone (withholding_polls) when it does not.
ALTER TABLE settled.withholdings
    ADD COLUMN bill_digest bytea CHECK (octet_length(bill_digest) = 32);

COMMENT ON COLUMN settled.withholdings.bill_digest IS 'SHA-256 over the fields of the last bill, to know one that says nothing new.';

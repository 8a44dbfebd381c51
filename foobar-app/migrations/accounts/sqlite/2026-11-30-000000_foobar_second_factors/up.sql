-- The secret of an authenticator app: encrypted by the key that `sealed_by` names, or as it is where that is empty.
-- `last_step` is that of the last code: it and those before it are used up.
CREATE TABLE foobar_second_factors (
    account_id BIGINT NOT NULL PRIMARY KEY,
    secret BLOB NOT NULL,
    sealed_by VARCHAR(20) NOT NULL,
    active BOOLEAN NOT NULL,
    last_step BIGINT NOT NULL
) WITHOUT ROWID;

-- `id` is the SHA-256 of the account and a code; a code is removed when it is used.
CREATE TABLE foobar_recovery_codes (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX foobar_recovery_codes_account_id ON foobar_recovery_codes (account_id);

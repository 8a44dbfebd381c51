-- The secret of an authenticator app: encrypted by the key that `sealed_by` names, or as it is where that is empty.
-- `last_step` is that of the last code: it and those before it are used up.
CREATE TABLE IF NOT EXISTS foobar_second_factors (
    account_id BIGINT NOT NULL PRIMARY KEY,
    secret VARBINARY(255) NOT NULL,
    sealed_by VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    active BOOLEAN NOT NULL,
    last_step BIGINT NOT NULL
) ENGINE = InnoDB;

-- `id` is the SHA-256 of the account and a code; a code is removed when it is used.
CREATE TABLE IF NOT EXISTS foobar_recovery_codes (
    id BINARY(32) NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL,
    KEY foobar_recovery_codes_account_id (account_id)
) ENGINE = InnoDB;

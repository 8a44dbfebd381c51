-- Times are seconds since 1970 in UTC; `hash` is the SHA-256 of a token.
CREATE TABLE IF NOT EXISTS foobar_api_tokens (
    id BIGINT NOT NULL PRIMARY KEY AUTO_INCREMENT,
    hash BINARY(32) NOT NULL UNIQUE,
    account_id BIGINT NOT NULL,
    name VARCHAR(100) CHARACTER SET utf8mb4 NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    KEY foobar_api_tokens_account_id (account_id),
    KEY foobar_api_tokens_expires_at (expires_at)
) ENGINE = InnoDB;

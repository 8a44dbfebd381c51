-- Times are seconds since 1970 in UTC; `hash` is the SHA-256 of a token.
CREATE TABLE foobar_api_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    account_id BIGINT NOT NULL,
    name VARCHAR(100) NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT
);

CREATE INDEX foobar_api_tokens_account_id ON foobar_api_tokens (account_id);

CREATE INDEX foobar_api_tokens_expires_at ON foobar_api_tokens (expires_at);

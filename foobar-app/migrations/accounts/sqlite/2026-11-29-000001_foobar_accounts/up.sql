-- Times are seconds since 1970 in UTC; an `address` is in small letters; `hash` is what argon2 makes of the password.
CREATE TABLE foobar_accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    address VARCHAR(254) NOT NULL UNIQUE,
    hash VARCHAR(255) NOT NULL,
    roles VARCHAR(255) NOT NULL,
    confirmed BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- `id` is the SHA-256 of what the link has; a link is removed when it is used.
CREATE TABLE foobar_account_links (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL,
    purpose VARCHAR(20) NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX foobar_account_links_expires_at ON foobar_account_links (expires_at);

-- How often somebody has failed to sign in; `id` is the SHA-256 of who.
CREATE TABLE foobar_sign_in_failures (
    id BLOB NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX foobar_sign_in_failures_expires_at ON foobar_sign_in_failures (expires_at);

-- Times are seconds since 1970 in UTC; an `address` is in small letters; `hash` is what argon2 makes of the password.
CREATE TABLE IF NOT EXISTS foobar_accounts (
    id BIGINT NOT NULL PRIMARY KEY AUTO_INCREMENT,
    address VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL UNIQUE,
    hash VARCHAR(255) NOT NULL,
    roles VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
    confirmed BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE = InnoDB;

-- `id` is the SHA-256 of what the link has; a link is removed when it is used.
CREATE TABLE IF NOT EXISTS foobar_account_links (
    id BINARY(32) NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL,
    purpose VARCHAR(20) NOT NULL,
    expires_at BIGINT NOT NULL,
    KEY foobar_account_links_expires_at (expires_at)
) ENGINE = InnoDB;

-- How often somebody has failed to sign in; `id` is the SHA-256 of who.
CREATE TABLE IF NOT EXISTS foobar_sign_in_failures (
    id BINARY(32) NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    KEY foobar_sign_in_failures_expires_at (expires_at)
) ENGINE = InnoDB;

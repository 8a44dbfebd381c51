-- `id` is the SHA-256 of what the cookie has; times are seconds since 1970 in UTC.
CREATE TABLE IF NOT EXISTS foobar_sessions (
    id BINARY(32) NOT NULL PRIMARY KEY,
    user_id BIGINT,
    data MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    KEY foobar_sessions_user_id (user_id),
    KEY foobar_sessions_expires_at (expires_at)
) ENGINE = InnoDB;

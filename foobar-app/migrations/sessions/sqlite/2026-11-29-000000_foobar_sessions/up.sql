-- `id` is the SHA-256 of what the cookie has; times are seconds since 1970 in UTC.
CREATE TABLE foobar_sessions (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BIGINT,
    data TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX foobar_sessions_user_id ON foobar_sessions (user_id);
CREATE INDEX foobar_sessions_expires_at ON foobar_sessions (expires_at);

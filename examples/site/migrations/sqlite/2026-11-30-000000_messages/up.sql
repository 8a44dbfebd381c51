CREATE TABLE messages (
    id      INTEGER   PRIMARY KEY NOT NULL,
    name    TEXT      NOT NULL,
    address TEXT      NOT NULL, -- where an answer is expected
    body    TEXT      NOT NULL,
    sent_at TIMESTAMP NOT NULL
);

CREATE INDEX messages_by_time ON messages (sent_at);

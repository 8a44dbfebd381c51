CREATE TABLE messages (
    id      BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name    VARCHAR(80)  NOT NULL,
    address VARCHAR(254) NOT NULL, -- where an answer is expected
    body    TEXT         NOT NULL,
    sent_at DATETIME(6)  NOT NULL,
    KEY messages_by_time (sent_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

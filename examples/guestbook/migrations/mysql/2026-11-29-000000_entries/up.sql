CREATE TABLE entries (
    id      INTEGER      NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name    VARCHAR(80)  NOT NULL UNIQUE,
    message TEXT         NOT NULL,
    stars   SMALLINT     NOT NULL CHECK (stars BETWEEN 1 AND 5),
    public  BOOLEAN      NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE pictures (
    entry_id INTEGER     NOT NULL PRIMARY KEY,
    file     VARCHAR(40) NOT NULL,
    FOREIGN KEY (entry_id) REFERENCES entries (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE entries (
    id      INTEGER  PRIMARY KEY NOT NULL,
    name    TEXT     NOT NULL UNIQUE,
    message TEXT     NOT NULL,
    stars   SMALLINT NOT NULL CHECK (stars BETWEEN 1 AND 5),
    public  BOOLEAN  NOT NULL
);

CREATE TABLE pictures (
    entry_id INTEGER PRIMARY KEY NOT NULL REFERENCES entries (id),
    file     TEXT    NOT NULL
);

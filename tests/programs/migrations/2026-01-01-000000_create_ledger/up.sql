-- Without a key, so that a write that was done twice shows.
CREATE TABLE ledger (
  id INTEGER NOT NULL,
  note TEXT NOT NULL
);
CREATE INDEX ledger_id ON ledger (id);
CREATE TABLE counters (
  id INTEGER NOT NULL PRIMARY KEY,
  times INTEGER NOT NULL
);
INSERT INTO counters VALUES (1, 0), (2, 0);

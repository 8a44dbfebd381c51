DROP TABLE counters;
DROP TABLE ledger;

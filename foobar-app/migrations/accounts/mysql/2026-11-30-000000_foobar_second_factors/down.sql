DROP TABLE foobar_recovery_codes;
DROP TABLE foobar_second_factors;

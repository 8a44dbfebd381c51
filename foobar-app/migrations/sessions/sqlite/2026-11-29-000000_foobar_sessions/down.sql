DROP TABLE foobar_sessions;

DROP TABLE foobar_api_tokens;

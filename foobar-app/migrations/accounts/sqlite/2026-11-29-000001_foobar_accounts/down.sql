DROP TABLE foobar_sign_in_failures;
DROP TABLE foobar_account_links;
DROP TABLE foobar_accounts;

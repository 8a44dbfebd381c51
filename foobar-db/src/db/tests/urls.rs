//! What may stand in `database.url`, and what is said of the rest.

use super::*;

fn opened(url: &str) -> Result<Db, Error> {
    Db::open(&DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() })
}

#[test]
fn a_url_that_cannot_be_used_says_how_to_write_it_and_never_shows_itself() {
    for (url, expected) in [
        ("foobar.db", "write `sqlite:PATH`"),
        ("/var/lib/hunter2.db", "write `sqlite:PATH`"),
        ("postgres://u:hunter2@h/d", "no known scheme"),
        ("sqlite:", "names no file"),
        ("mysql://u:hunter2@h", "is not `mysql://"),
        ("mysql://u:hunter2", "is not `mysql://"),
        ("mysql://u:p?hunter2=1", "is not `mysql://"),
        ("mysql://u:hunter2@h/d?require_ssl=hunter2", "`require_ssl`, whose value is neither `true` nor `false`"),
        ("mysql://u:1?hunter2@h/d", "`%3F` for `?`"),
        ("mysql://u:#hunter2@h/d", "`%23` for `#`"),
        ("mysql:hunter2", "is not `mysql://"),
        ("mysql://u:p@hunter2/w?#%@host/d", "`%40` for `@`"),
        ("mysql://u:p@hunter2@host/d", "`%40` for `@`"),
        ("mysql://u:1/hunter2@host/d", "holds a `/` before the `@` of the host; the special"),
        ("mysql://u:hunter2#1@host/d", "holds a `#` before the `@` of the host"),
        ("mysql://u:hunter2?@host/d", "holds a `?` before the `@` of the host"),
        ("mysql://u:p@hunter2#1@host/d", "holds an `@` besides the one before the host"),
        ("mysql://u/hunter2?@host/d", "`%3F` for `?`"),
        ("mysql://u/hunter2#@host/d", "`%23` for `#`"),
        ("mysql:///u:hunter2@h/d", "`%40` for `@`"),
        ("mysql:/u:hunter2@h/d", "`%40` for `@`"),
        ("mysql:u:hunter2@h/d", "`%40` for `@`"),
        ("mysql://u:hunter2@h/d?charset=latin1", "`charset`, a character set other than `utf8mb4`"),
        ("mysql://u:hunter2@h/d?ssl-mode=VERIFY_CA", "set `database.tls_ca` to the file"),
        ("mysql://u:hunter2@h/d?require_ssl=true&verify_identity=false", "set `database.tls_ca` to the file"),
        ("mysql://u:hunter2@h/d?ssl-mode=hunter2", "`ssl-mode`, whose value is no mode of TLS"),
        ("mysql://u:hunter2@h/d?ssl_ca=/etc/ca.pem", "`database.tls_ca`"),
        ("mysql://u:hunter2@h/d?sslkey=hunter2", "`database.tls_key`"),
        ("mysql://u:hunter2@h/d?serverTimezone=Europe/Berlin", "other than UTC"),
        ("mysql://u:hunter2@h/d?connect_timeout=5", "`database.connect_timeout`"),
        ("mysql://u:hunter2@h/d?connection_limit=5", "`database.connections`"),
        ("mysql://u:hunter2@localhost/d?socket=/run/s&require_ssl=true", "TLS on a Unix socket"),
        ("mysql://u:hunter2@localhost/d?ssl-mode=REQUIRED&socket=/run/s", "TLS on a Unix socket"),
        ("mysql://u:hunter2@[::1/d", "is not `mysql://"),
        ("sqlite:site.db?mode=ro", "its value `ro`"),
        ("sqlite://site.db?mode=rw", "its value `rw`"),
        ("sqlite:~/site.db", "begins with `~`"),
        ("sqlite://~/site.db", "begins with `~`"),
    ] {
        let error = opened(url).unwrap_err();
        let text = format!("{} {error:?}", Chain(&error));
        assert!(text.contains(expected) && !text.contains("hunter2"), "{url}: {text}");
    }
    assert!(matches!(Db::open(&DatabaseSettings::default()), Err(Error::NoUrl)));
}

#[test]
fn a_handle_shows_its_database_without_the_password() {
    for (url, shown) in [
        ("sqlite:foobar.db", "sqlite:foobar.db"),
        ("sqlite:///var/lib/foobar.db", "sqlite:/var/lib/foobar.db"),
        ("sqlite::memory:", "sqlite::memory:"),
        ("mysql://u:hunter2@h/d", "mysql://u@h:3306/d"),
        ("mysql://u:hunter2%40%2F%3F%23%25@h/d", "mysql://u@h:3306/d"),
        ("mariadb://u:hunter2@h:3307/d?require_ssl=true", "mysql://u@h:3307/d"),
        ("mysql://u:hunter2@localhost/d?socket=/run/s", "mysql://u@localhost/d?socket=/run/s"),
        ("mysql://u:hunter2@[::1]/d", "mysql://u@[::1]:3306/d"),
        ("mysql://u:hunter2@[2001:db8::7]:3307/d?charset=utf8mb4", "mysql://u@[2001:db8::7]:3307/d"),
        ("mysql://u:hunter2@h/d?characterEncoding=UTF-8&useSSL=false&serverTimezone=UTC", "mysql://u@h:3306/d"),
        ("mysql://u:hunter2@h/d?ssl-mode=VERIFY_IDENTITY", "mysql://u@h:3306/d"),
        ("mysql://u:hunter2@h/d?sslmode=require&tls=true", "mysql://u@h:3306/d"),
        ("mysql://u:hunter2@localhost/d?ssl-mode=PREFERRED&socket=/run/s", "mysql://u@localhost/d?socket=/run/s"),
        ("sqlite://site.db?mode=rwc", "sqlite:site.db"),
        ("sqlite:site.db?mode=memory", "sqlite::memory:"),
        ("sqlite:what?.db", "sqlite:what?.db"),
    ] {
        let db = opened(url).unwrap();
        assert_eq!(db.describe(), shown);
        assert_eq!(format!("{db:?}"), format!("Db({shown:?})"));
    }
}

#[test]
fn a_parameter_of_another_client_of_mysql_is_taken_where_it_asks_for_what_is_the_case_anyway() {
    for parameters in [
        "parseTime=true&loc=UTC&charset=utf8mb4,utf8&time_zone=%27%2B00%3A00%27&multiStatements=true",
        "allowNativePasswords=true&checkConnLiveness=false&maxAllowedPacket=0&clientFoundRows=true",
        "useUnicode=true&characterEncoding=UTF-8&serverTimezone=Etc/UTC&useSSL=false&allowPublicKeyRetrieval=true",
        "useLegacyDatetimeCode=false&zeroDateTimeBehavior=convertToNull&rewriteBatchedStatements=true",
        "use_unicode=1&charset=utf8mb4&autocommit=true&local_infile=0&secure_auth=true",
        "encoding=utf8mb4&reconnect=true&prepared_statements=false&strict=true",
        "serverVersion=8.0.32&charset=utf8mb4",
        "sslaccept=strict&statement_cache_size=100",
        "sslmode=VERIFY_IDENTITY&ssl_verify_cert=true&ssl_check_hostname=true&trustServerCertificate=false",
        "multipleStatements=true&dateStrings=true&supportBigNumbers=true&enable_cleartext_plugin=false",
        "compress=true&tcp_keepalive=1000&built_in_roots=true&useAffectedRows=false",
        "&",
    ] {
        assert_eq!(opened(&format!("mysql://u@h/d?{parameters}")).unwrap().describe(), "mysql://u@h:3306/d");
    }
    for parameter in ["socket", "unix_socket", "socketPath", "localSocket"] {
        let db = opened(&format!("mysql://u@localhost/d?{parameter}=/run/my%20s")).unwrap();
        assert_eq!(db.describe(), "mysql://u@localhost/d?socket=/run/my s");
    }
}

#[test]
fn a_parameter_of_another_client_of_mysql_that_cannot_be_had_is_named_with_what_to_do() {
    for (parameter, expected) in [
        ("hunter=hunter2", "`hunter`, which Foobar does not know"),
        ("pool_timeout=hunter2", "`pool_timeout`, how long a call waits for a connection"),
        ("pool_recycle=3600", "`pool_recycle`, how long a connection is used; set `database.max_lifetime`"),
        ("sslaccept=accept_invalid_certs", "`sslaccept`, which asks for TLS with whatever certificate"),
        ("tls=skip-verify", "`tls`, which asks for TLS with whatever certificate"),
        ("trustServerCertificate=true", "`trustServerCertificate`, which asks for TLS with whatever certificate"),
        ("password=hunter2", "`password`, which is no parameter but a part of the URL itself"),
        ("sql_mode=hunter2", "`sql_mode`, a rule for sessions"),
        ("useAffectedRows=true", "`useAffectedRows`, which counts the rows that an UPDATE has changed"),
        ("allowPublicKeyRetrieval=false", "`allowPublicKeyRetrieval`, and without TLS the server is asked for its key"),
        ("local_infile=1", "`local_infile`, which gives files of this machine to the server"),
        ("compression=hunter2", "`compression`, whose value is none of"),
        ("unix_socket=", "`unix_socket`, without the path of a socket"),
        ("parse%20time=hunter2", "a parameter whose name has other signs"),
        ("=hunter2", "a parameter whose name has other signs"),
    ] {
        let error = opened(&format!("mysql://u:hunter2@h/d?{parameter}")).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.starts_with("`database.url` has ") && text.contains(expected), "{parameter}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn no_parameter_sends_a_password_in_clear() {
    for parameter in [
        "enable_cleartext_plugin=true",
        "allowCleartextPasswords=1",
        "secure_auth=false",
        "allowOldPasswords=true",
        "insecureAuth=true",
    ] {
        let error = opened(&format!("mysql://u:p@h/d?{parameter}")).unwrap_err().to_string();
        assert!(error.contains("which sends the password"), "{parameter}: {error}");
        assert!(opened(&format!("mysql://u:p@h/d?ssl-mode=required&{parameter}")).is_err(), "{parameter}");
    }
}

#[test]
fn a_parameter_of_the_url_for_migrations_is_named_as_that_one_s() {
    let url = |url: &str| Some(Secret::new(url.to_owned()));
    let settings = DatabaseSettings {
        url: url("mysql://u@h/d"),
        migration_url: url("mysql://owner@h/d?hunter=1"),
        ..DatabaseSettings::default()
    };
    let error = Db::open(&settings).unwrap_err().to_string();
    assert!(error.starts_with("`database.migration_url` has the parameter `hunter`, which"), "{error}");
}

#[test]
fn a_parameter_of_another_client_of_sqlite_is_no_part_of_the_file_s_name() {
    for (url, shown) in [
        ("sqlite:site.db?mode=rwc&cache=shared", "sqlite:site.db"),
        ("sqlite:site.db?cache=private", "sqlite:site.db"),
        ("sqlite:site.db?_journal_mode=WAL&_foreign_keys=on&_txlock=immediate&_sync=FULL", "sqlite:site.db"),
        ("sqlite:file:site.db", "sqlite:site.db"),
        ("sqlite:file:///var/lib/site.db?mode=rwc", "sqlite:/var/lib/site.db"),
        ("sqlite:file::memory:?cache=shared", "sqlite::memory:"),
        ("sqlite::memory:?cache=shared", "sqlite::memory:"),
        ("sqlite:site.db?cache=shared&mode=memory", "sqlite::memory:"),
        ("sqlite:./~site.db", "sqlite:./~site.db"),
    ] {
        assert_eq!(opened(url).unwrap().describe(), shown, "{url}");
    }
}

#[test]
fn a_parameter_of_another_client_of_sqlite_that_cannot_be_had_is_named() {
    for (url, expected) in [
        ("sqlite:site.db?hunter=hunter2", "the parameter `hunter`, which Foobar does not know"),
        ("sqlite:site.db?mode=rwc&vfs=unix-none", "the parameter `vfs`, which Foobar does not know"),
        ("sqlite:site.db?mode=hunter2", "`mode`, whose value is neither `rwc` nor `memory`"),
        ("sqlite:site.db?cache=hunter2", "`cache`, whose value is neither `shared` nor `private`"),
        ("sqlite:site.db?_journal_mode=DELETE", "`_journal_mode`, and the journal is always a WAL"),
        ("sqlite:site.db?_synchronous=OFF", "`_synchronous`, and `synchronous` is always `FULL`"),
        ("sqlite:site.db?_foreign_keys=0", "`_foreign_keys`, and foreign keys are always enforced"),
        ("sqlite:site.db?_busy_timeout=5000", "`_busy_timeout`, a wait for locks; set `database.lock_timeout`"),
        ("sqlite:site.db?connection_limit=1", "`connection_limit`, the size of a pool; set `database.readers`"),
        ("sqlite:file:a%20b.db", "by a URI with escapes"),
        ("sqlite:~bob/site.db", "begins with `~`"),
        ("sqlite:~", "begins with `~`"),
        ("sqlite:file:~/site.db", "begins with `~`"),
    ] {
        let error = opened(url).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{url}: {error}");
    }
}

//! How a server knows this program.

use std::io::Read;
use std::process::Command;

use foobar_core::panics;

use super::*;
use crate::mysql::refusal::refused_by_driver;

/// A user with this password, and a handle's settings for it without one.
pub(super) async fn user(test: &TestDb, by: &'static str) -> DatabaseSettings {
    let (_, rest) = test.url().split_once("localhost/").unwrap();
    let (name, _) = rest.split_once('?').unwrap();
    let user = format!("rotated_{name}");
    let create =
        format!("CREATE USER {user}@localhost IDENTIFIED BY '{by}'; GRANT ALL ON {name}.* TO {user}@localhost");
    test.write(move |conn| conn.batch_execute(&create)).await.unwrap();
    DatabaseSettings { url: Some(Secret::new(test.url().replace("root@", &format!("{user}@")))), ..test.settings() }
}

pub(super) fn name_of(settings: &DatabaseSettings) -> String {
    let url = settings.url.as_ref().unwrap().expose();
    url.split_once("://").unwrap().1.split_once('@').unwrap().0.to_owned()
}

pub(super) async fn started(settings: &DatabaseSettings) -> Result<Db, String> {
    let db = Db::open(settings).map_err(|error| Chain(&error).to_string())?;
    db.tier().start().await.map_err(|error| Chain(&*error).to_string()).map(|()| db)
}

#[tokio::test]
async fn a_password_that_is_rotated_is_taken_from_its_file_without_a_restart() {
    let (test, file) = (TestDb::mysql().await, tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), "the first\n").unwrap();
    let mut settings = user(&test, "the first").await;
    settings.password_file = Some(file.path().to_owned());
    settings.max_lifetime = Period::new(Duration::from_millis(1)); // each call has a connection of its own
    let db = started(&settings).await.unwrap();
    one(&db).await.unwrap();
    let change = format!("ALTER USER {}@localhost IDENTIFIED BY 'the second'", name_of(&settings));
    test.write(move |conn| conn.batch_execute(&change)).await.unwrap();
    std::fs::write(file.path(), "the second\n").unwrap();
    for _round in 0..3 {
        one(&db).await.unwrap();
    }
    std::fs::write(file.path(), "hunter2").unwrap();
    let error = started(&settings).await.unwrap_err();
    assert!(error.contains("Access denied") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_file_of_a_password_that_cannot_be_used_is_refused_by_its_key() {
    let test = TestDb::mysql().await;
    let mut settings = DatabaseSettings { password_file: Some("/no/such/file".into()), ..test.settings() };
    let error = started(&settings).await.unwrap_err();
    assert_eq!(error, "`database.password_file` /no/such/file cannot be read: No such file or directory (os error 2)");
    settings.url = Some(Secret::new("mysql://u:hunter2@h/d"));
    let error = started(&settings).await.unwrap_err();
    let expected = "`database.password_file` is there, and `database.url` has a password too; take one of them out";
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_password_that_has_expired_is_refused_at_once() {
    let test = TestDb::mysql().await;
    let settings = user(&test, "").await;
    let expire = format!("ALTER USER {}@localhost PASSWORD EXPIRE", name_of(&settings));
    test.write(move |conn| conn.batch_execute(&expire)).await.unwrap();
    let error = started(&settings).await.unwrap_err();
    assert!(error.starts_with("cannot open mysql://rotated_") && error.to_lowercase().contains("password"), "{error}");
}

#[tokio::test]
async fn a_password_that_is_changed_or_expires_while_the_program_runs_is_told_at_once_until_it_is_right_again() {
    for change in ["IDENTIFIED BY 'the second'", "PASSWORD EXPIRE"] {
        let (test, file) = (TestDb::mysql().await, tempfile::NamedTempFile::new().unwrap());
        std::fs::write(file.path(), "the first").unwrap();
        let mut settings = user(&test, "the first").await;
        settings.password_file = Some(file.path().to_owned());
        settings.connections = 2.try_into().unwrap(); // one watches the server
        (settings.acquire_timeout, settings.connect_timeout, settings.query_timeout) = (FOREVER, FOREVER, FOREVER);
        let db = started(&settings).await.unwrap();
        let of_pool = db.read(connection_id).await.unwrap();
        let change = format!("ALTER USER {}@localhost {change}; KILL {of_pool}", name_of(&settings));
        test.write(move |conn| conn.batch_execute(&change)).await.unwrap();
        let outcome = timeout(PATIENCE, one(&db)).await.expect("nobody waits for a connection that is refused");
        let Err(Error::Unavailable { source: ConnectError::Refused(why), .. }) = outcome else { panic!("{outcome:?}") };
        eventually(|| matches!(db.tier().readiness(), Readiness::NotReady(reason) if reason.ends_with(&why))).await;
        let mend = format!("ALTER USER {}@localhost IDENTIFIED BY 'the third'", name_of(&settings));
        std::fs::write(file.path(), "the third").unwrap();
        test.write(move |conn| conn.batch_execute(&mend)).await.unwrap();
        eventually(|| db.tier().readiness().is_ready()).await;
        one(&db).await.unwrap();
    }
}

/// A greeting of a server of this version.
pub(super) fn greeting(version: &str) -> Vec<u8> {
    let mut body = vec![10];
    body.extend(version.as_bytes());
    body.extend(b"\0\x07\0\0\0abcdefgh\0");
    body.extend([0xff, 0xf7, 33, 2, 0, 0xff, 0x81, 21]);
    body.extend([0; 10]);
    body.extend(b"ijklmnopqrst\0mysql_native_password\0");
    packet(0, &body)
}

pub(super) fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    [&[u8::try_from(body.len()).unwrap(), 0, 0, number][..], body].concat()
}

/// What comes of a connection to a server that says `first`, and after an answer `second`.
fn told(first: Vec<u8>, second: Vec<u8>) -> ConnectError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mysql://u:hunter2@127.0.0.1:{}/d", listener.local_addr().unwrap().port());
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(&first).unwrap();
        if !second.is_empty() {
            assert!(client.read(&mut [0; 1024]).unwrap() > 0);
            client.write_all(&second).unwrap();
        }
        let mut rest = Vec::new();
        drop(client.read_to_end(&mut rest)); // until the client goes
        assert!(!String::from_utf8_lossy(&rest).contains("hunter2"));
    });
    let settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
    let error = MysqlConnection::connect(&Options::new(&settings).unwrap()).err().unwrap();
    server.join().unwrap();
    error
}

#[test]
fn a_server_that_asks_for_the_password_in_clear_is_refused_and_does_not_get_it() {
    let error = told(greeting("11.8.3-MariaDB"), packet(2, b"\xfemysql_clear_password\0"));
    assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
    assert!(error.to_string().starts_with("the server asks for this user's password in clear"), "{error}");
}

#[test]
fn what_cannot_pass_ends_a_start_and_what_can_is_waited_for() {
    let said = |number: u16| {
        let error = [&[0xff][..], &number.to_le_bytes(), b"#HY000what the server says"].concat();
        told(packet(0, &error), Vec::new())
    };
    for number in [1044, 1045, 1049, 1130, 1251, 1275, 1524, 1698, 3159, 4151] {
        let error = said(number);
        assert!(
            matches!(&error, ConnectError::Refused(why) if why.contains("what the server says")),
            "{number}: {error:?}"
        );
    }
    for number in [1040, 1203, 1226] {
        assert!(matches!(said(number), ConnectError::Full(_)), "{number}");
    }
    for number in [1053, 1129, 3032] {
        assert!(matches!(said(number), ConnectError::Unreachable(_)), "{number}");
    }
    assert!(said(3159).to_string().ends_with("; write `ssl-mode=required` in `database.url`"));
}

pub(super) fn openssl(folder: &std::path::Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, a certificate of the server for `localhost`, and one of a client, each with its key.
pub(super) fn certificates(folder: &std::path::Path) {
    let ca = "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 9";
    openssl(folder, ca);
    for (name, subject) in [("server", "/CN=localhost"), ("client", "/CN=client")] {
        openssl(folder, &format!("req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj {subject}"));
        std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").unwrap();
        let sign = "x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile names";
        openssl(folder, &format!("{sign} -in {name}.csr -out {name}.pem"));
    }
    openssl(folder, "rsa -traditional -in client.key -out client-traditional.key");
}

/// What `Server::run` does. Another package of the workspace has rustls built with a second provider.
pub(super) fn choose_a_provider() {
    _ = crypto_provider().install_default(); // an error is the one that is there already
}

#[test]
fn a_program_that_has_chosen_none_of_two_providers_is_told_to() {
    let words = "Could not automatically determine the process-level CryptoProvider from Rustls crate features.";
    let panic = panics::catch(|| panic!("{words}")).unwrap_err();
    let error = refused_by_driver(&panic);
    assert!(matches!(&error, ConnectError::Refused(why) if why.contains("install_default()")), "{error}");
}

#[test]
fn a_certificate_is_refused_without_its_key_and_without_tls() {
    let mut settings = DatabaseSettings { url: Some(Secret::new("mysql://u@h/d")), ..DatabaseSettings::default() };
    let error = |settings: &DatabaseSettings| Db::open(settings).unwrap_err().to_string();
    settings.tls_cert = Some("cert.pem".into());
    assert_eq!(error(&settings), "`database.tls_cert` needs `database.tls_key`");
    settings.tls_key = Some("key.pem".into());
    let expected = "`database.tls_cert` needs TLS: write `?ssl-mode=required` at the end of `database.url`";
    assert_eq!(error(&settings), expected);
    settings.tls_cert = None;
    assert_eq!(error(&settings), "`database.tls_key` needs `database.tls_cert`");
}

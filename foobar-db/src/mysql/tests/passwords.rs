//! How a password is proved, each way on a server that wants it so.

use std::io::Read;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_eddsa_type;
use rustls_pki_types::PrivatePkcs8KeyDer;

use super::proof::{greeting, name_of, packet, started, user};
use super::*;
use crate::testing::network::{Network, free_address};

/// A server that also listens on a port, and the URL of its database `mysql` there for a user.
fn server_on_port(options: &[&str]) -> (MysqlServer, impl Fn(&str) -> String + use<>) {
    let address = free_address();
    let listen = [
        "--skip-networking=0".to_owned(),
        format!("--bind-address={}", address.ip()),
        format!("--port={}", address.port()),
    ];
    let options = listen.iter().map(String::as_str).chain(options.iter().copied()).collect::<Vec<_>>();
    let server = MysqlServer::start_with(&options).unwrap();
    (server, move |user| format!("mysql://{user}@{address}/mysql"))
}

async fn run(server: &MysqlServer, statements: &'static str) {
    let root = server.url("mysql");
    let run = move || MysqlConnection::establish(&root).unwrap().batch_execute(statements).unwrap();
    thread::run("foobar-db-test", run).await.unwrap();
}

/// Whether a user of this URL is let in.
async fn signs_in(url: &str) -> Result<(), String> {
    let settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
    one(&started(&settings).await?).await.map(drop).map_err(|error| Chain(&error).to_string())
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn is_denied(outcome: Result<(), String>) {
    let error = outcome.unwrap_err();
    assert!(error.contains("Access denied") && !error.contains("hunter"), "{error}");
}

/// What the server that all tests share says of itself.
async fn tell(of: &'static str) -> String {
    let tell = |conn: &mut Conn| diesel::select(sql::<Text>(of)).get_result(conn);
    TestDb::mysql().await.read(tell).await.unwrap()
}

async fn is_mariadb() -> bool {
    tell("VERSION()").await.contains("MariaDB")
}

/// The folder with MariaDB's plugin for `ed25519`: of Debian's package that starts a service, or where `tests/run` has put
/// it. `None` on a server that has it not.
async fn plugins() -> Option<PathBuf> {
    let (folder, is_mariadb) = (tell("@@plugin_dir").await, is_mariadb().await);
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/mariadb");
    let found = [PathBuf::from(folder), fetched].into_iter().find(|at| at.join("auth_ed25519.so").is_file());
    found.filter(|_folder| is_mariadb)
}

#[tokio::test]
async fn a_user_by_ed25519_signs_in_over_a_socket_and_over_tcp_and_only_with_the_right_password() {
    let Some(plugins) = plugins().await else { return };
    let folder = format!("--plugin-dir={}", plugins.display());
    let (server, on_port) = server_on_port(&[&folder, "--plugin-load-add=auth_ed25519"]);
    let create = "CREATE USER signer IDENTIFIED VIA ed25519 USING PASSWORD('hunter2'); GRANT ALL ON *.* TO signer";
    run(&server, create).await;
    let network = Network::to(&on_port("signer"), Duration::ZERO);
    for by in [server.url("mysql"), network.url(&on_port("root"))] {
        signs_in(&by.replace("root@", "signer:hunter2@")).await.unwrap();
        is_denied(signs_in(&by.replace("root@", "signer:hunter3@")).await);
        is_denied(signs_in(&by.replace("root@", "signer@")).await);
    }
    let said = network.said();
    assert!(has(&said, b"signer") && !has(&said, b"hunter"));
}

/// The signature by a password of as many bytes as a key has, which is then the key.
fn signature(password: &str, nonce: &[u8]) -> Vec<u8> {
    let head: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let key = any_eddsa_type(&PrivatePkcs8KeyDer::from([head, password.as_bytes()].concat())).unwrap();
    key.choose_scheme(&[SignatureScheme::ED25519]).unwrap().sign(nonce).unwrap()
}

const RIGHT: &str = "the_password_of_thirty_two_bytes";
const WRONG: &str = "another_one_of_thirty_two_bytes_";

/// What a server of this version says to a second connection that wants each of these signed in turn, lets in whoever
/// does, and knows no database; and how often both connected.
fn asked_to_sign(version: &'static str, password: &str, nonces: Vec<[u8; 32]>) -> (String, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (mut nonces, is_over) = (nonces.into_iter(), Arc::new(AtomicBool::new(false)));
    let ends = Arc::clone(&is_over);
    let server = std::thread::spawn(move || {
        let clients = listener.incoming().map(Result::unwrap).take_while(|_client| !ends.load(SeqCst));
        clients.inspect(|client| ask_to_sign(client, version, &mut nonces)).count()
    });
    let url = Some(Secret::new(format!("mysql://u:{password}@{address}/d")));
    let options = Options::new(&DatabaseSettings { url, ..DatabaseSettings::default() }).unwrap();
    let [first, last] = [(); 2].map(|()| MysqlConnection::connect(&options).err().unwrap());
    is_over.store(true, SeqCst);
    TcpStream::connect(address).unwrap();
    assert!(matches!((&first, &last), (ConnectError::Refused(_), ConnectError::Refused(_))), "{first:?} {last:?}");
    (last.to_string(), server.join().unwrap())
}

fn ask_to_sign(mut client: &TcpStream, version: &str, nonces: &mut impl Iterator<Item = [u8; 32]>) {
    client.write_all(&greeting(version)).unwrap();
    if said(client).is_none() {
        return; // it wanted to know the version
    }
    let nonce = nonces.next().expect("it is tried no more");
    client.write_all(&packet(2, &[&b"\xfeclient_ed25519\0"[..], &nonce].concat())).unwrap();
    let answer: &[u8] = match said(client).unwrap() == signature(RIGHT, &nonce) {
        _ if nonce == BLOCKED => b"\xff\x37\x10#HY000User is blocked",
        true => b"\0\0\0\x02\0\0\0",
        false => b"\xff\x15\x04#28000Access denied",
    };
    client.write_all(&packet(4, answer)).unwrap();
    while said(client).is_some_and(|asked| asked[0] == QUERY) {
        client.write_all(&packet(1, b"\xff\x19\x04#42000Unknown database")).unwrap();
    }
}

/// The first byte of a client's statement.
const QUERY: u8 = 3;

/// One packet of a client; `None` where it has gone.
fn said(mut client: &TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 4];
    client.read_exact(&mut head).ok()?;
    let mut body = vec![0; usize::from(u16::from_le_bytes([head[0], head[1]]))];
    client.read_exact(&mut body).unwrap();
    Some(body)
}

const MARIADB: &str = "5.5.5-10.11.19-MariaDB-0+deb12u1";
const ENDS_IN_ZERO: [u8; 32] = {
    let mut nonce = [7; 32];
    nonce[31] = 0;
    nonce
};
/// After which the server lets nobody in.
const BLOCKED: [u8; 32] = [8; 32];

#[test]
fn what_mariadb_wants_signed_is_signed_by_the_password() {
    let (answer, connections) = asked_to_sign(MARIADB, RIGHT, vec![[7; 32]; 2]);
    assert!(answer.contains("Unknown database") && connections == 2, "{answer} after {connections}");
}

/// The driver signs one byte less then.
#[test]
fn a_right_password_is_not_taken_for_a_wrong_one_where_what_is_to_be_signed_ends_in_zero() {
    let (answer, connections) = asked_to_sign(MARIADB, RIGHT, vec![ENDS_IN_ZERO, [7; 32], ENDS_IN_ZERO, [7; 32]]);
    let for_version = 1;
    assert!(answer.contains("Unknown database") && connections == 4 + for_version, "{answer} after {connections}");
}

#[test]
fn where_a_second_attempt_is_blocked_the_denial_of_the_first_is_told() {
    let (answer, _connections) = asked_to_sign(MARIADB, WRONG, vec![[7; 32], BLOCKED, [7; 32], BLOCKED]);
    assert!(answer.contains("Access denied"), "{answer}");
}

#[test]
fn a_wrong_password_is_tried_twice_on_mariadb_and_once_elsewhere() {
    for (version, attempts) in [(MARIADB, 2), ("9.7.4-2", 1)] {
        let (answer, connections) = asked_to_sign(version, WRONG, vec![[7; 32]; 6]);
        let (for_version, told) = (1, format!("{answer} after {connections}"));
        assert!(answer.contains("Access denied") && connections == 2 * attempts + for_version, "{told}");
    }
}

/// A denial takes such a server less time than the limit, and a second attempt would take more.
#[tokio::test]
async fn a_wrong_password_is_told_although_the_server_is_too_far_away_for_a_second_attempt() {
    let test = TestDb::mysql().await;
    let network = Network::to(test.url(), Duration::from_millis(150));
    let mut settings = user(&test, "hunter2").await;
    let wrong = format!("{}:hunter3@", name_of(&settings));
    settings.url = Some(Secret::new(network.url(test.url()).replace("root@", &wrong)));
    settings.connect_timeout = Period::new(Duration::from_millis(1500));
    let options = Options::new(&settings).unwrap();
    let connect = move || {
        let patience = Instant::now() + PATIENCE;
        loop {
            match MysqlConnection::connect(&options).err().unwrap() {
                ConnectError::Unreachable(_) if Instant::now() < patience => {} // the machine is too slow
                error => return error,
            }
        }
    };
    let error = thread::run("foobar-db-test", connect).await.unwrap();
    assert!(matches!(&error, ConnectError::Refused(why) if why.contains("Access denied")), "{error:?}");
}

/// It answers one connection, and takes the others without a word.
#[test]
fn a_wrong_password_is_told_although_nobody_answers_a_second_attempt_and_there_is_no_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Some(Secret::new(format!("mysql://u:{WRONG}@{}/d", listener.local_addr().unwrap())));
    let server = std::thread::spawn(move || {
        ask_to_sign(&listener.accept().unwrap().0, MARIADB, &mut [[7; 32]].into_iter());
        listener // whose queue the system goes on filling
    });
    let mut settings = DatabaseSettings { url, ..DatabaseSettings::default() };
    settings.connect_timeout = Period::new(Duration::ZERO);
    let error = MysqlConnection::connect(&Options::new(&settings).unwrap()).err().unwrap();
    assert!(matches!(&error, ConnectError::Refused(why) if why.contains("Access denied")), "{error:?}");
    drop(server.join().unwrap());
}

/// To the server a socket is encrypted, so that it sends no key, and takes the question for one as an empty password.
#[tokio::test]
async fn a_password_for_a_user_without_one_behind_a_proxy_to_the_socket_of_mysql_is_told() {
    if is_mariadb().await {
        return; // it has no such users
    }
    let test = TestDb::mysql().await;
    let network = Network::to(test.url(), Duration::ZERO);
    let error = signs_in(&network.url(test.url()).replace("root@", "root:hunter2@")).await.unwrap_err();
    assert!(error.contains("the server has sent no key to encrypt the password with"), "{error}");
}

/// By which a client of MySQL asks for the server's key: the third packet after the greeting, of one byte.
const ASKS_FOR_KEY: &[u8] = &[1, 0, 0, 3, 2];

#[tokio::test]
async fn a_first_sign_in_to_mysql_over_plain_tcp_sends_the_password_encrypted_for_the_server_alone() {
    if is_mariadb().await {
        return; // it has no such users
    }
    let (server, on_port) = server_on_port(&[]);
    let create = "CREATE USER shop IDENTIFIED WITH caching_sha2_password BY 'hunter2'; GRANT SELECT ON mysql.* TO shop";
    run(&server, create).await;
    let network = Network::to(&on_port("shop"), Duration::ZERO);
    let url = |password| network.url(&on_port(&format!("shop:{password}"))) + "?ssl-mode=disabled";
    is_denied(signs_in(&url("hunter3")).await);
    let by_wrong = network.said();
    signs_in(&url("hunter2")).await.unwrap();
    let by_right = network.said().split_off(by_wrong.len());
    for said in [&by_wrong, &by_right] {
        assert!(has(said, ASKS_FOR_KEY) && has(said, b"shop") && !has(said, b"hunter"));
    }
    let before = network.said().len();
    signs_in(&url("hunter2")).await.unwrap(); // by a hash, which the server has now
    let by_hash = network.said().split_off(before);
    assert!(!has(&by_hash, ASKS_FOR_KEY) && has(&by_hash, b"shop") && !has(&by_hash, b"hunter"));
}

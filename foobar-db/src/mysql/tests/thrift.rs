//! What a server and this process spend on our connections.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use super::*;
use crate::testing::say;

#[derive(QueryableByName)]
struct Figure {
    #[diesel(sql_type = Text, column_name = "Value")]
    value: String,
}

/// A figure of the server's own.
async fn server_status(db: &Db, name: &'static str) -> i64 {
    let show = move |conn: &mut Conn| diesel::sql_query(format!("SHOW GLOBAL STATUS LIKE '{name}'")).get_result(conn);
    let figure: Figure = db.read(show).await.unwrap();
    figure.value.parse().unwrap()
}

/// A connection that counts the server's.
struct Counter(MysqlConnection);

impl Counter {
    /// Once it is the only one, such as when the server has let go of the one that asked whether it is there.
    async fn alone_on(server: &MysqlServer) -> Self {
        let url = server.url("mysql");
        let alone = move || {
            let (mut counter, patience) = (Self(MysqlConnection::establish(&url).unwrap()), Instant::now() + PATIENCE);
            while counter.read("Threads_connected") > 1 {
                assert!(Instant::now() < patience, "others stay");
            }
            counter.0.batch_execute("FLUSH /*M!110500 GLOBAL */ STATUS").unwrap();
            counter
        };
        thread::run("foobar-db-test", alone).await.unwrap()
    }

    fn read(&mut self, name: &str) -> i64 {
        let figure: Figure =
            diesel::sql_query(format!("SHOW GLOBAL STATUS LIKE '{name}'")).get_result(&mut self.0).unwrap();
        figure.value.parse().unwrap()
    }

    /// How many others were open at once, at most.
    async fn most_others(mut self) -> i64 {
        thread::run("foobar-db-test", move || self.read("Max_used_connections") - 1).await.unwrap()
    }
}

async fn on(server: &MysqlServer) -> Db {
    let db = open(&server.url("mysql"));
    db.tier().start().await.unwrap();
    db
}

#[tokio::test]
async fn at_most_as_many_connections_as_the_setting_says_are_open_at_once() {
    let server = MysqlServer::start().unwrap();
    let counter = Counter::alone_on(&server).await;
    let db = on(&server).await;
    let wait = || db.read(|conn| diesel::sql_query("DO SLEEP(0.2)").execute(conn));
    let all = futures_util::future::join_all((0..30).map(|_| wait())).await;
    assert!(all.iter().all(|one| one.is_ok() || matches!(one, Err(Error::Busy { .. }))), "{all:?}");
    assert_eq!(counter.most_others().await, 8);
}

#[tokio::test]
async fn a_server_counts_no_aborted_connection_of_ours() {
    let server = MysqlServer::start().unwrap();
    let watch = on(&server).await;
    let before = server_status(&watch, "Aborted_clients").await;
    for _round in 0..3 {
        let db = on(&server).await;
        futures_util::future::join_all((0..6).map(|_| one(&db))).await;
        db.check().await.unwrap();
        db.tier().drain(Instant::now() + Duration::from_secs(5)).await;
    }
    assert_eq!(server_status(&watch, "Aborted_clients").await - before, 0);
}

/// In a process of its own, so that nothing else is in its memory.
#[tokio::test]
async fn fifty_thousand_rows_leave_at_most_80_mb() {
    let test = TestDb::mysql().await;
    let fill = "CREATE TABLE rows_of_text (id INTEGER NOT NULL PRIMARY KEY, body VARCHAR(200) NOT NULL); \
                INSERT INTO rows_of_text WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
                SELECT a.i * 1000 + b.i, REPEAT('x', 100) FROM n a, n b WHERE a.i <= 50 AND b.i <= 1000";
    test.write(move |conn| conn.batch_execute(fill)).await.unwrap();
    let figure = tempfile::NamedTempFile::new().unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "mysql::tests::thrift::reads_fifty_thousand_rows", "--ignored", "--nocapture"])
        .env("FOOBAR_TEST_URL", test.url())
        .env("FOOBAR_TEST_FIGURE", figure.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let left = std::fs::read_to_string(figure.path()).unwrap();
    let kilobytes: u64 = left.split_whitespace().next().unwrap().parse().unwrap();
    say(&format!("{kilobytes} KiB"));
    assert!(kilobytes <= 80 * 1024, "{kilobytes} KiB");
}

#[ignore = "the other process of the test above"]
#[tokio::test]
async fn reads_fifty_thousand_rows() {
    let Ok(url) = std::env::var("FOOBAR_TEST_URL") else { return };
    let settings =
        DatabaseSettings { url: Some(Secret::new(&*url)), query_timeout: FOREVER, ..DatabaseSettings::default() };
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    diesel::table! { rows_of_text (id) { id -> Integer, body -> Text } }
    for _round in 0..40 {
        let rows = db.read(|conn| rows_of_text::table.load::<(i32, String)>(conn)).await.unwrap();
        assert_eq!(rows.len(), 50_000);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim().to_owned();
    std::fs::write(std::env::var_os("FOOBAR_TEST_FIGURE").unwrap(), resident).unwrap();
}

/// A URL by a port that leads to the server, and how many connections its clients had not closed, at most, when another one
/// came. The server itself counts one that was closed for a while.
fn door_to(server: &MysqlServer) -> (String, Arc<AtomicUsize>) {
    let socket = server.url("mysql").split_once("?socket=").unwrap().1.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let most = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&most);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), UnixStream::connect(&socket).unwrap());
            seen.fetch_max(open_at(port), SeqCst);
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                drop(std::io::copy(&mut from, &mut to)); // one end is gone
                drop(to.shutdown(Shutdown::Write)); // and the other may be
            });
            std::thread::spawn(move || drop(std::io::copy(&mut server, &mut client))); // the same
        }
    });
    (format!("mysql://root@127.0.0.1:{port}/mysql"), most)
}

/// How many connections to a port of this machine neither end has closed.
fn open_at(port: u16) -> usize {
    let (port, table) = (format!(":{port:04X}"), std::fs::read_to_string("/proc/net/tcp").unwrap());
    let is_open = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&port)) && fields.nth(1) == Some("01")
    };
    table.lines().filter(is_open).count()
}

#[tokio::test]
async fn a_connection_that_is_replaced_is_closed_before_the_next_is_opened() {
    let server = MysqlServer::start().unwrap();
    let (url, most) = door_to(&server);
    let mut settings = DatabaseSettings { url: Some(Secret::new(&url)), ..DatabaseSettings::default() };
    settings.connections = 2.try_into().unwrap(); // one watches the server
    settings.max_lifetime = Period::new(Duration::from_millis(20));
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    let (mut used, patience) = (std::collections::HashSet::new(), Instant::now() + PATIENCE);
    while used.len() < 10 {
        used.insert(db.read(connection_id).await.unwrap());
        assert!(Instant::now() < patience, "none is replaced");
    }
    assert_eq!(most.load(SeqCst), 2);
}

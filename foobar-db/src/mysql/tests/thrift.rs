//! What a server and this process spend on our connections.

use super::*;

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

async fn on(server: &MysqlServer) -> Db {
    let db = open(&server.url("mysql"));
    db.tier().start().await.unwrap();
    db
}

#[tokio::test]
async fn at_most_as_many_connections_as_the_setting_says_are_open_at_once() {
    let server = MysqlServer::start().unwrap();
    let db = on(&server).await;
    let wait = || db.read(|conn| diesel::sql_query("DO SLEEP(0.2)").execute(conn));
    let all = futures_util::future::join_all((0..30).map(|_| wait())).await;
    assert!(all.iter().all(|one| one.is_ok() || matches!(one, Err(Error::Busy(_)))), "{all:?}");
    let others = 1; // that of the test server's own, which asked whether it is there
    let most = server_status(&db, "Max_used_connections").await;
    assert!((8..=8 + others).contains(&most), "{most}");
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

#[tokio::test]
async fn a_connection_that_is_replaced_is_closed_before_the_next_is_opened() {
    let server = MysqlServer::start().unwrap();
    let url = server.url("mysql");
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
    let others = 1; // that of the test server's own, which asked whether it is there
    let most = server_status(&db, "Max_used_connections").await;
    assert!(most <= 2 + others, "{most}");
}

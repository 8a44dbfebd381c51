//! A server that follows another one.

use super::*;
use crate::testing::network::Network;

/// A server, and a replica that follows it; by a network, since servers of tests have no port.
struct Servers {
    source: MysqlServer,
    replica: MysqlServer,
    words: &'static Words,
    _network: Network,
}

/// What one kind of server calls it.
struct Words {
    change: &'static str,
    start: &'static str,
    stop_applying: &'static str,
}

const OF_MARIADB: Words = Words {
    change: "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'root', \
             MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = no, MASTER_SSL = 0",
    start: "START SLAVE",
    stop_applying: "STOP SLAVE SQL_THREAD",
};

const OF_MYSQL: Words = Words {
    change: "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'root', \
             SOURCE_CONNECT_RETRY = 1, SOURCE_AUTO_POSITION = 0",
    start: "START REPLICA",
    stop_applying: "STOP REPLICA SQL_THREAD",
};

impl Servers {
    async fn start() -> Self {
        let source = MysqlServer::start_with(&["--log-bin=binlog", "--server-id=1"]).unwrap();
        let replica = MysqlServer::start_with(&["--server-id=2"]).unwrap();
        let network = Network::to(&source.url("mysql"), Duration::ZERO);
        let version = on(&replica, |conn| diesel::select(sql::<Text>("VERSION()")).get_result::<String>(conn)).await;
        let words = if version.unwrap().contains("MariaDB") { &OF_MARIADB } else { &OF_MYSQL };
        let change = words.change.replace("{port}", &network.port().to_string());
        run(&replica, &change).await;
        run(&replica, words.start).await;
        run(&replica, "SET GLOBAL read_only = 1").await;
        Self { source, replica, words, _network: network }
    }
}

/// What `work` comes to on a connection of its own.
async fn on<T: Send + 'static>(
    server: &MysqlServer,
    work: impl FnOnce(&mut MysqlConnection) -> QueryResult<T> + Send + 'static,
) -> QueryResult<T> {
    let url = server.url("mysql");
    thread::run("ask", move || work(&mut MysqlConnection::establish(&url).unwrap())).await.unwrap()
}

async fn run(server: &MysqlServer, sql: &str) {
    let sql = sql.to_owned();
    on(server, move |conn| conn.batch_execute(&sql)).await.unwrap();
}

/// A connection that holds a table, as soon as it is there; what comes for it waits until the connection is dropped.
async fn hold(server: &MysqlServer, table: &'static str) -> MysqlConnection {
    let url = server.url("mysql");
    let hold = move || {
        let patience = Instant::now() + PATIENCE;
        loop {
            let mut conn = MysqlConnection::establish(&url).unwrap();
            match conn.batch_execute(&format!("LOCK TABLES {table} WRITE")) {
                Ok(()) => return conn,
                Err(not_yet) => assert!(Instant::now() < patience, "{not_yet}"),
            }
        }
    };
    thread::run("hold", hold).await.unwrap()
}

/// A figure of the only pool.
fn figure(db: &Db, name: &str) -> Option<u64> {
    let mut metrics = Metrics::default();
    db.tier().metrics(&mut metrics);
    let text = metrics.into_text();
    let sample = text.lines().find(|line| line.starts_with(&format!("foobar_database_replication_{name}{{")))?;
    let endpoint = format!("{{pool=\"server\",endpoint=\"{}\"}}", db.describe());
    assert!(sample.contains(&endpoint), "{sample}");
    Some(sample.rsplit_once(' ').unwrap().1.parse().unwrap())
}

fn figures(db: &Db) -> (Option<u64>, Option<u64>) {
    (figure(db, "running"), figure(db, "lag_seconds"))
}

#[tokio::test]
async fn a_replica_tells_how_far_it_is_behind_and_whether_it_follows_its_source() {
    let servers = Servers::start().await;
    run(&servers.source, "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY)").await;
    let [replica, source] = [&servers.replica, &servers.source].map(|server| open(&server.url("mysql")));
    replica.tier().start().await.unwrap();
    source.tier().start().await.unwrap();
    eventually(|| figures(&replica) == (Some(1), Some(0))).await;

    let holder = hold(&servers.replica, "shop.orders").await;
    run(&servers.source, "INSERT INTO shop.orders VALUES (1)").await;
    eventually(|| matches!(figures(&replica), (Some(1), Some(2..)))).await;
    drop(holder);
    eventually(|| figures(&replica) == (Some(1), Some(0))).await;

    run(&servers.replica, servers.words.stop_applying).await;
    eventually(|| figures(&replica) == (Some(0), None)).await;
    assert_eq!(figures(&source), (None, None), "it follows nobody");

    run(&servers.replica, "SET GLOBAL read_only = 0").await;
    eventually(|| figures(&replica) == (None, None)).await;
}

#[tokio::test]
async fn a_replica_that_is_gone_has_no_figures_of_before() {
    let mut servers = Servers::start().await;
    let replica = open(&servers.replica.url("mysql"));
    replica.tier().start().await.unwrap();
    eventually(|| figures(&replica).0 == Some(1)).await;
    servers.replica.stop().unwrap();
    eventually(|| figures(&replica) == (None, None)).await;
}

#[test]
fn a_user_who_may_not_know_how_a_replica_follows_is_told_once_and_has_no_figures() {
    let server = MysqlServer::start().unwrap();
    let user = "CREATE USER shop@localhost; GRANT ALL ON mysql.* TO shop@localhost; SET GLOBAL read_only = 1";
    MysqlConnection::establish(&server.url("mysql")).unwrap().batch_execute(user).unwrap();
    let url = Some(Secret::new(server.url("mysql").replace("root@", "shop@")));
    let mysql = Mysql::new(&DatabaseSettings { url, ..DatabaseSettings::default() }).unwrap();
    let present = Arc::new(|| Ok(()));
    let endpoint =
        Endpoint::new(mysql.describe(), mysql.limits.clone(), mysql.connect(), present, Arc::default()).unwrap();
    let (options, control) = (Arc::clone(&mysql.options), Arc::clone(&mysql.control));
    let mut monitor = Monitor::new(options, control, Arc::clone(&mysql.health), Arc::new(endpoint));
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let check = || (0..4).for_each(|_| monitor.check().unwrap());
    tracing::subscriber::with_default(subscriber, check);
    assert!(mysql.control.is_read_only() && mysql.control.replication().is_none());
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.matches("the replica does not say how far it is behind its source").count(), 1, "{log}");
    assert!(log.contains("denied"), "{log}");
}

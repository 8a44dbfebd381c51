//! A network between the program and its database.

use std::collections::HashSet;

use futures_util::future::try_join_all;

use super::*;
use crate::testing::network::Network;
use crate::testing::say;

const NO_LATENCY: Duration = Duration::ZERO;

/// A handle by `network` with deadlines that are soon over.
async fn connect(network: &Network, url: &str) -> Db {
    let mut settings = DatabaseSettings { url: Some(Secret::new(network.url(url))), ..DatabaseSettings::default() };
    settings.connections = 1.try_into().unwrap();
    settings.query_timeout = Period::new(Duration::from_millis(300));
    settings.connect_timeout = Period::new(Duration::from_millis(300));
    settings.acquire_timeout = Period::new(Duration::from_millis(400));
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    answers(&db).await;
    db
}

/// Asks until it is answered: these deadlines are short for a machine that is busy.
async fn answers(db: &Db) {
    let patience = Instant::now() + PATIENCE;
    while let Err(error) = one(db).await {
        assert!(error.is_unavailable() && Instant::now() < patience, "{error:?}");
    }
}

#[tokio::test]
async fn a_network_that_swallows_everything_holds_nobody_past_the_deadline() {
    let test = TestDb::mysql().await;
    let network = Network::to(test.url(), NO_LATENCY);
    let db = connect(&network, test.url()).await;
    network.swallow(true);
    let outcomes = timeout(PATIENCE, async { [one(&db).await, one(&db).await] }).await.expect("nobody is held");
    assert!(matches!(outcomes, [Err(Error::Deadline { .. }), Err(Error::Unavailable { .. })]), "{outcomes:?}");
    network.swallow(false);
    network.reset(); // bytes that were lost leave a stream of TCP waiting for good
    eventually(|| db.tier().readiness().is_ready()).await;
    answers(&db).await;
}

#[tokio::test]
async fn a_commit_without_an_answer_leaves_the_outcome_unknown() {
    let test = TestDb::mysql().await;
    let network = Arc::new(Network::to(test.url(), NO_LATENCY));
    let db = connect(&network, test.url()).await;
    let write = async || {
        network.swallow(false);
        answers(&db).await;
        let network = Arc::clone(&network);
        let fail = move |_: &mut Conn| {
            network.swallow(true);
            Ok(())
        };
        db.write(fail).await.unwrap_err()
    };
    let mut error = write().await;
    while matches!(error, Error::Deadline { .. }) {
        error = write().await; // the machine was too slow to come to the commit
    }
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
}

#[tokio::test]
async fn opening_a_connection_takes_three_round_trips_at_most() {
    let test = TestDb::mysql().await;
    let user = "CREATE USER shop@localhost IDENTIFIED BY 'secret'; GRANT ALL ON *.* TO shop@localhost";
    test.write(move |conn| conn.batch_execute(user)).await.unwrap();
    let network = Network::to(test.url(), NO_LATENCY);
    for (user, plugin) in [("root", "without a password"), ("shop:secret", "the server's own")] {
        let connect = |url: &str| {
            let url = url.replace("root@", &format!("{user}@"));
            thread::run("foobar-db-open", move || drop(MysqlConnection::establish(&url).unwrap()))
        };
        // MySQL learns a hash of the password from the first. Behind the proxy it would take its socket for the client's.
        connect(test.url()).await.unwrap();
        let before = network.turns();
        connect(&network.url(test.url())).await.unwrap();
        let turns = network.turns() - before;
        say(&format!("{turns} round trips, {plugin}"));
        assert!((1..=3).contains(&turns), "{turns} with {plugin}");
    }
}

/// One more than can be served at once: of the 8 connections by default, one watches the server.
const AT_ONCE: usize = 8;

#[tokio::test]
async fn a_server_that_is_300_milliseconds_away_works_with_the_default_settings() {
    let test = TestDb::mysql().await;
    test.write(|conn| conn.batch_execute("CREATE TABLE rows_far (id INT PRIMARY KEY)")).await.unwrap();
    let network = Network::to(test.url(), Duration::from_millis(150));
    let db = open(&network.url(test.url()));
    db.tier().start().await.unwrap();
    assert!(db.tier().readiness().is_ready(), "{:?}", db.tier().readiness());
    let reads = try_join_all((0..AT_ONCE).map(|_| one(&db)));
    assert_eq!(reads.await.unwrap(), [1; AT_ONCE]);
    let insert = |id: usize| {
        let insert = format!("INSERT INTO rows_far VALUES ({id})");
        db.write(move |conn| conn.batch_execute(&insert))
    };
    try_join_all((0..AT_ONCE).map(insert)).await.unwrap();
}

#[tokio::test]
async fn a_server_has_an_address_of_ipv6() {
    let test = TestDb::mysql().await;
    let Ok(network) = Network::at("[::1]:0", test.url(), NO_LATENCY) else { return }; // this machine has no IPv6
    let db = open(&network.url(test.url()));
    db.tier().start().await.unwrap();
    assert_eq!(one(&db).await.unwrap(), 1);
    assert!(db.describe().starts_with("mysql://root@[::1]:"), "{}", db.describe());
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_named_without_the_password() {
    let db = open("mysql://u:hunter2@no-such-host.invalid/d");
    let error = timeout(PATIENCE, db.check()).await.expect("it ends in time").unwrap_err();
    let text = format!("{} {error:?}", Chain(&error));
    assert!(text.starts_with("cannot connect to mysql://u@no-such-host.invalid:3306/d: "), "{text}");
    assert!(error.is_unavailable() && !text.contains("hunter2"), "{text}");
}

/// The numbers of all connections of a pool of two.
async fn pool_of_two(db: &Db) -> HashSet<u64> {
    let both_are_used = Arc::new(std::sync::Barrier::new(2));
    let read = || {
        let both_are_used = Arc::clone(&both_are_used);
        db.read(move |conn| {
            let id = connection_id(conn);
            both_are_used.wait();
            id
        })
    };
    let (one, two) = tokio::try_join!(read(), read()).unwrap();
    HashSet::from([one, two])
}

#[tokio::test]
async fn a_full_server_that_does_not_take_the_monitor_back_leaves_the_pool_as_it_is() {
    let server = MysqlServer::start_with(&["--max-connections=50"]).unwrap();
    let url = server.create_database().unwrap();
    let admin = open(&url);
    admin.tier().start().await.unwrap();
    let run = async |sql: String| admin.write(move |conn| conn.batch_execute(&sql)).await.unwrap();
    // An administrator may open one connection more than there are.
    run("CREATE USER shop@localhost; GRANT ALL ON test_0.* TO shop@localhost".to_owned()).await;
    run("CREATE USER others@localhost; GRANT ALL ON test_0.* TO others@localhost".to_owned()).await;
    let mut settings =
        DatabaseSettings { url: Some(Secret::new(url.replace("root", "shop"))), ..DatabaseSettings::default() };
    settings.connections = 3.try_into().unwrap();
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    let pool = pool_of_two(&db).await;
    let others = url.replace("root", "others");
    let fill = move || (0..10).map(|_| MysqlConnection::establish(&others).unwrap()).collect::<Vec<_>>();
    let others = thread::run("fill", fill).await.unwrap();
    let ours = || sql::<Unsigned<BigInt>>("id FROM information_schema.processlist WHERE user = 'shop'");
    let all = admin.read(move |conn| diesel::select(ours()).load::<u64>(mysql(conn))).await.unwrap();
    let monitor = all.into_iter().find(|id| !pool.contains(id)).expect("it has a connection of its own");
    run("SET GLOBAL max_connections = 10".to_owned()).await;
    run(format!("KILL {monitor}")).await;
    let refused = |conn: &mut Conn| {
        let status = diesel::sql_query("SHOW GLOBAL STATUS LIKE 'Connection_errors_max_connections'");
        status.get_result::<Status>(mysql(conn)).map(|status| status.value)
    };
    let patience = Instant::now() + PATIENCE;
    while admin.read(refused).await.unwrap() == "0" {
        assert!(Instant::now() < patience, "it does not try to connect again");
    }
    assert_eq!(pool_of_two(&db).await, pool);
    assert!(db.tier().readiness().is_ready());
    drop(others);
}

//! What happens where a server becomes another one, or gets another role.

use super::*;
use crate::testing::network::Network;

async fn execute(server: &MysqlServer, sql: String) -> QueryResult<()> {
    let url = server.url("mysql");
    let run = move || MysqlConnection::establish(&url).unwrap().batch_execute(&sql);
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Asks again where the machine was too slow for the deadlines.
async fn asked<T: Send + 'static>(db: &Db, query: fn(&mut Conn) -> QueryResult<T>) -> T {
    let patience = Instant::now() + PATIENCE;
    loop {
        match db.read(query).await {
            Ok(answer) => return answer,
            Err(error) => assert!(error.is_unavailable() && Instant::now() < patience, "{error:?}"),
        }
    }
}

fn folder(conn: &mut Conn) -> QueryResult<String> {
    diesel::select(sql::<Text>("CAST(@@datadir AS CHAR)")).get_result(conn)
}

#[tokio::test]
async fn the_connections_to_a_server_that_takes_no_writes_any_more_are_replaced() {
    let server = MysqlServer::start().unwrap();
    let mut settings = DatabaseSettings { url: Some(Secret::new(server.url("mysql"))), ..DatabaseSettings::default() };
    settings.connections = 2.try_into().unwrap(); // one watches the server
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    execute(&server, "SET GLOBAL read_only = 1".to_owned()).await.unwrap();
    let is_known = || {
        let mut metrics = Metrics::default();
        db.tier().metrics(&mut metrics);
        metrics.into_text().contains("role=\"replica\"")
    };
    eventually(is_known).await;
    for is_read_only in [0, 1] {
        let before = asked(&db, connection_id).await;
        execute(&server, format!("SET GLOBAL read_only = {is_read_only}")).await.unwrap();
        let patience = Instant::now() + PATIENCE;
        while asked(&db, connection_id).await == before {
            assert!(Instant::now() < patience, "it is used on");
        }
    }
}

/// The connections beside this one.
fn others(conn: &mut Conn) -> QueryResult<Vec<u64>> {
    let others = "id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'root'";
    diesel::select(sql::<Unsigned<BigInt>>(others)).load(mysql(conn))
}

#[tokio::test]
async fn the_connections_to_a_server_that_is_another_one_now_are_replaced() {
    let [first, second] = [(); 2].map(|()| MysqlServer::start().unwrap());
    let network = Network::to(&first.url("mysql"), Duration::ZERO);
    let mut settings =
        DatabaseSettings { url: Some(Secret::new(network.url(&first.url("mysql")))), ..DatabaseSettings::default() };
    settings.connections = 2.try_into().unwrap(); // one watches the server
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    let (before, of_pool) = (asked(&db, folder).await, asked(&db, connection_id).await);
    network.lead_to(&second.url("mysql"));
    for id in asked(&db, others).await.into_iter().filter(|id| *id != of_pool) {
        drop(execute(&first, format!("KILL {id}")).await); // the one that watches; others may have gone
    }
    let patience = Instant::now() + PATIENCE;
    while asked(&db, folder).await == before {
        assert!(Instant::now() < patience, "it is used on");
    }
}

//! A network between the program and its database.

use super::*;

/// A way to the server that can swallow everything, as a network does that has failed.
struct Network {
    folder: tempfile::TempDir,
    fails: Arc<AtomicBool>,
}

impl Network {
    fn to(url: &str) -> Self {
        let server = url.split_once("?socket=").unwrap().1.to_owned();
        let (folder, fails) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
        let (listener, flag) = (UnixListener::bind(folder.path().join("socket")).unwrap(), Arc::clone(&fails));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = UnixStream::connect(&server).unwrap();
                Self::pass(client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&flag));
                Self::pass(server, client, Arc::clone(&flag));
            }
        });
        Self { folder, fails }
    }

    fn pass(mut from: UnixStream, mut to: UnixStream, fails: Arc<AtomicBool>) {
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                if !fails.load(SeqCst) && to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            let _closed_already = to.shutdown(std::net::Shutdown::Both);
        });
    }

    async fn connect(&self, url: &str) -> Db {
        let (server, _) = url.split_once("?socket=").unwrap();
        let url = format!("{server}?socket={}", self.folder.path().join("socket").display());
        let mut settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
        settings.connections = 1.try_into().unwrap();
        settings.query_timeout = Period::new(Duration::from_millis(300));
        settings.connect_timeout = Period::new(Duration::from_millis(300));
        settings.acquire_timeout = Period::new(Duration::from_millis(400));
        let db = Db::open(&settings).unwrap();
        db.tier().start().await.unwrap();
        answers(&db).await;
        db
    }
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
    let network = Network::to(test.url());
    let db = network.connect(test.url()).await;
    network.fails.store(true, SeqCst);
    let outcomes = timeout(PATIENCE, async { [one(&db).await, one(&db).await] }).await.expect("nobody is held");
    assert!(matches!(outcomes, [Err(Error::Deadline(_)), Err(Error::Unavailable { .. })]), "{outcomes:?}");
    network.fails.store(false, SeqCst);
    eventually(|| db.tier().readiness().is_ready()).await;
    answers(&db).await;
}

#[tokio::test]
async fn a_commit_without_an_answer_leaves_the_outcome_unknown() {
    let test = TestDb::mysql().await;
    let network = Network::to(test.url());
    let db = network.connect(test.url()).await;
    let write = async || {
        network.fails.store(false, SeqCst);
        answers(&db).await;
        let fails = Arc::clone(&network.fails);
        let fail = move |_: &mut Conn| {
            fails.store(true, SeqCst);
            Ok(())
        };
        db.write(fail).await.unwrap_err()
    };
    let mut error = write().await;
    while matches!(error, Error::Deadline(_)) {
        error = write().await; // the machine was too slow to come to the commit
    }
    assert!(matches!(error, Error::OutcomeUnknown(_)), "{error:?}");
}

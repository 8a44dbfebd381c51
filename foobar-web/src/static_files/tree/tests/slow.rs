//! A disk that takes its time.

use super::*;

/// A source that may not be asked on a worker, and where it may be, answers as often as it is told to.
#[derive(Default)]
struct Slow {
    /// How often it was asked.
    asked: AtomicUsize,
    /// How many wait for it, and the most that ever did.
    waiting: AtomicUsize,
    most: AtomicUsize,
    /// How often it answers.
    answers: Mutex<usize>,
    answered: Condvar,
}

impl Slow {
    fn answer(&self, times: usize) {
        *self.answers.lock().unwrap() += times;
        self.answered.notify_all();
    }

    /// Answers so often, each time when this many wait.
    async fn answer_while_waiting(&self, waiting: usize, times: usize) {
        for _ in 0..times {
            while self.waiting.load(Relaxed) < waiting {
                tokio::task::yield_now().await;
            }
            self.answer(1);
            while *self.answers.lock().unwrap() > 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl FileSource for Arc<Slow> {
    fn open(&self, path: &Path, wait: Blocking) -> io::Result<Option<Node>> {
        if wait == Blocking::Forbidden {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.asked.fetch_add(1, Relaxed);
        self.most.fetch_max(self.waiting.fetch_add(1, Relaxed) + 1, Relaxed);
        let answers = self.answers.lock().unwrap();
        let mut answers = self.answered.wait_while(answers, |answers| *answers == 0).unwrap();
        self.waiting.fetch_sub(1, Relaxed);
        *answers -= 1;
        drop(answers);
        assert_ne!(path, Path::new("panic"), "a source panics, as this test wants");
        let state = FileState { size: 4, modified: SystemTime::UNIX_EPOCH, version: Version::Hash([0; 32]) };
        Ok(Some(Node::File(OpenedFile { state, content: FileContent::Bytes(Bytes::from_static(b"slow")) })))
    }

    fn list(&self, _path: &Path, _page: &Page<'_>) -> io::Result<Option<Vec<DirEntry>>> {
        Ok(None)
    }
}

fn slow(change: impl FnOnce(&mut WebSettings)) -> (Arc<Tree>, Arc<Slow>) {
    let mut web = WebSettings { file_cache_valid: LONG, ..WebSettings::default() };
    change(&mut web);
    let store = Files::compile(&web, FileSources::default()).unwrap().store;
    let source = Arc::<Slow>::default();
    let site = SiteSettings { precompressed: std::iter::empty().collect(), ..SiteSettings::default() };
    let options = FilesOptions { encodings: Encodings::compile("sites.a", &site).unwrap(), ..options() };
    (Arc::new(Tree::open(Arc::new(Arc::clone(&source)), options, &store).unwrap()), source)
}

impl Tree {
    /// What lies at a path, waited for where that has to be.
    async fn find(self: &Arc<Self>, path: &str) -> io::Result<Arc<Entry>> {
        match self.try_find(path.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.find_on_pool(path.as_bytes()).await,
            found => found,
        }
    }
}

#[tokio::test]
async fn no_more_looks_wait_for_a_disk_at_a_time_than_file_threads() {
    let (tree, source) = slow(|web| web.file_threads = 2);
    let paths: Vec<String> = (0..6).map(|number| number.to_string()).collect();
    let answer = async {
        source.answer_while_waiting(2, 5).await;
        source.answer(1);
    };
    let (found, ()) = join(join_all(paths.iter().map(|path| tree.find(path))), answer).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!((source.asked.load(Relaxed), source.most.load(Relaxed)), (6, 2));
}

#[tokio::test]
async fn what_an_application_blocks_holds_no_file_up() {
    let (tree, source) = slow(|_| {});
    source.answer(1);
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let ends = Arc::new(Mutex::new(ends));
    let blocked = (0..600)
        .map(|_| Arc::clone(&ends))
        .map(|ends| tokio::task::spawn_blocking(move || ends.lock().unwrap().recv().unwrap_err()));
    let blocked: Vec<_> = blocked.collect();
    assert!(tokio::time::timeout(PATIENCE, tree.find("f")).await.unwrap().is_ok());
    drop(end);
    join_all(blocked).await;
}

#[tokio::test]
async fn a_hundred_clients_that_ask_for_a_cold_file_cause_one_look() {
    let (tree, source) = slow(|_| {});
    let (found, ()) = join(join_all((0..100).map(|_| tree.find("f"))), source.answer_while_waiting(1, 1)).await;
    assert!(found.iter().all(|found| matches!(found.as_ref().unwrap().found, Found::File(_))));
    assert_eq!(source.asked.load(Relaxed), 1);
    tree.find("f").await.unwrap();
    assert_eq!(source.asked.load(Relaxed), 1);
    let (tree, source) = slow(|web| web.file_cache_size = Size::bytes(0));
    source.answer(3);
    join_all((0..3).map(|_| tree.find("f"))).await;
    assert_eq!(source.asked.load(Relaxed), 3);
}

#[tokio::test]
async fn a_look_that_panics_is_an_error_for_all_who_wait_and_the_next_one_looks_again() {
    let (tree, source) = slow(|_| {});
    let (found, ()) = join(join_all((0..10).map(|_| tree.find("panic"))), source.answer_while_waiting(1, 1)).await;
    assert!(found.iter().all(Result::is_err));
    source.answer(1);
    assert!(tree.find("panic").await.is_err());
    assert_eq!(source.asked.load(Relaxed), 2);
}

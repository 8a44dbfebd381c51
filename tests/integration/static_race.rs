//! Files that change while clients read them: a directory swapped with a link to a secret, files replaced, truncated
//! and grown, all at full speed.
//!
//! `FOOBAR_RACE_REQUESTS=1000000 cargo test --test integration secret` runs longer.

mod stage;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::support::{Address, Connection, Ended, Program, Random, Response, number_of, seed, until};
use stage::{Change, SECRET, Stage};

const REQUESTS: u64 = 100_000;
const CLIENTS: u64 = 4;
/// The most requests that are sent before the first of them is answered.
const PIPELINED: u64 = 8;

#[test]
fn no_secret_and_no_mixed_or_padded_content_is_served_from_a_folder_that_changes_at_full_speed() {
    let stage = Stage::new();
    std::fs::write(stage.place().join("foobar.toml"), "web.keepalive_requests = 10000000\nsites.www.root = \"root\"\n")
        .unwrap();
    let program = Program::start(&mut Program::foobar(&stage.place()));
    let race = &Race::new(&program.address);
    println!("FOOBAR_SEED={}", seed());
    let requests = number_of("FOOBAR_RACE_REQUESTS", REQUESTS);
    std::thread::scope(|scope| {
        let changes = [stage::SWAPS, stage::WRITES].map(|changes| {
            let stage = &stage;
            scope.spawn(move || repeat(race, stage, changes))
        });
        let clients = (0..CLIENTS).map(|client| scope.spawn(move || race.run(client, requests)));
        let clients: Vec<_> = clients.collect::<Vec<_>>().into_iter().map(|client| client.join()).collect();
        race.over.store(true, Ordering::Relaxed);
        assert!(clients.into_iter().all(|client| client.is_ok()), "a client failed");
        for change in changes {
            let times = change.join().unwrap();
            assert!(times > 100, "too slow to race: {times} times");
        }
    });
    race.conclude();
    for path in [stage::PATHS, stage::LARGE].concat() {
        until("the last state is served", || (stage.state(path) == served(&program, path)).then_some(()));
    }
    program.signal("TERM");
    let (status, log) = program.wait();
    assert!(status.success() && !log.contains("panic"), "{status}: {log}");
}

/// The content that is served; `None` where nothing is there.
fn served(program: &Program, path: &str) -> Option<Vec<u8>> {
    let answer = program.get(path);
    (answer.status == 200).then_some(answer.body)
}

/// Makes changes again and again while the clients run; how often.
fn repeat(race: &Race, stage: &Stage, changes: &[(Change, u64)]) -> u64 {
    let mut times: u64 = 0;
    while !race.over.load(Ordering::Relaxed) {
        times += 1;
        for (change, each) in changes.iter().filter(|(_, each)| times.is_multiple_of(*each)) {
            stage.change(*change, times / each);
        }
    }
    times
}

/// What the clients share.
struct Race {
    address: Address,
    made: AtomicU64,
    over: AtomicBool,
    /// How often each status came, and how often the connection was cut (0).
    seen: Mutex<HashMap<(&'static str, u16), u64>>,
    /// The content that each entity tag stood for.
    tags: Mutex<HashMap<(&'static str, String), u64>>,
}

impl Race {
    fn new(address: &str) -> Self {
        Self {
            address: Address::Tcp(address.to_owned()),
            made: AtomicU64::new(0),
            over: AtomicBool::new(false),
            seen: Mutex::default(),
            tags: Mutex::default(),
        }
    }

    fn run(&self, client: u64, requests: u64) {
        let random = &mut Random::new(seed(), client);
        let mut connection = Connection::open(&self.address);
        while self.made.load(Ordering::Relaxed) < requests {
            let batch: Vec<_> = (0..1 + random.below(PIPELINED)).map(|_| Ask::generate(random)).collect();
            let bytes: Vec<u8> = batch.iter().flat_map(Ask::render).collect();
            connection.send(&bytes);
            for ask in &batch {
                self.made.fetch_add(1, Ordering::Relaxed);
                if !self.take(ask, connection.receive(ask.method)) {
                    connection = Connection::open(&self.address);
                    break;
                }
            }
        }
    }

    /// Checks an answer; whether the connection goes on.
    fn take(&self, ask: &Ask, answer: Result<Response, Ended>) -> bool {
        let (status, persists) = match answer {
            Ok(answer) => {
                self.check(ask, &answer);
                (answer.status, answer.persists())
            }
            Err(ended) => {
                assert!(stage::RESIZING.contains(&ask.path), "cut: {ask:?}");
                if let Ended::Cut(come) = ended {
                    ask.no_secret(&come);
                }
                (0, false)
            }
        };
        *self.seen.lock().unwrap().entry((ask.path, status)).or_default() += 1;
        persists
    }

    fn check(&self, ask: &Ask, answer: &Response) {
        ask.no_secret(&answer.body);
        // A file that becomes shorter while it is read cannot be answered with a length that was true.
        let failed = answer.status == 500 && stage::RESIZING.contains(&ask.path);
        assert!(matches!(answer.status, 200 | 206 | 404 | 416) || failed, "{} to {ask:?}", answer.status);
        assert_ne!(answer.header("content-length"), Some(stage::SECRET_LENGTH), "the secret's length: {ask:?}");
        if !matches!(answer.status, 200 | 206) || ask.method == "HEAD" {
            return;
        }
        let (start, size) = answer.header("content-range").map_or((0, answer.body.len()), place);
        let version = stage::version(ask.path, &answer.body);
        let whole = stage::content(ask.path, version, size);
        assert_eq!(whole.len(), size, "the length of another version: {ask:?}");
        assert!(whole[start..start + answer.body.len()] == answer.body, "mixed or padded: {ask:?}");
        if !stage::RESIZING.contains(&ask.path) {
            let tag = (ask.path, answer.header("etag").unwrap().to_owned());
            let known = *self.tags.lock().unwrap().entry(tag).or_insert(version);
            assert_eq!(known, version, "one tag for two contents: {ask:?}");
        }
    }

    /// Fails if the race was none: each path must have been there and, where it comes and goes, not been there.
    fn conclude(&self) {
        let seen = self.seen.lock().unwrap();
        let times = |path, status| seen.get(&(path, status)).copied().unwrap_or(0);
        for path in &[stage::PATHS, stage::LARGE].concat() {
            let (there, gone) = (times(path, 200) + times(path, 206), times(path, 404));
            println!("{path}: {there} times there, {gone} not, {} cut, {} failed", times(path, 0), times(path, 500));
            assert!(there > 0, "{path} was never there");
            assert!(gone > 0 || !stage::COMING_AND_GOING.contains(path), "{path} was always there");
        }
    }
}

fn place(content_range: &str) -> (usize, usize) {
    let (start, rest) = content_range["bytes ".len()..].split_once('-').unwrap();
    (start.parse().unwrap(), rest.split_once('/').unwrap().1.parse().unwrap())
}

/// One request.
#[derive(Debug)]
struct Ask {
    method: &'static str,
    path: &'static str,
    minor: u64,
    range: Option<(u64, u64)>,
}

impl Ask {
    fn generate(random: &mut Random) -> Self {
        let method = if random.one_in(8) { "HEAD" } else { "GET" };
        let paths = if random.one_in(100) { stage::LARGE } else { stage::PATHS };

        let first = random.below(900);
        let range = (first, first + stage::RECORD as u64 * 2 + random.below(1000));
        Self {
            method,
            path: random.pick(paths),
            minor: u64::from(!random.one_in(10)),
            range: random.one_in(3).then_some(range),
        }
    }

    fn render(&self) -> Vec<u8> {
        let range = self.range.map(|(first, last)| format!("Range: bytes={first}-{last}\r\n")).unwrap_or_default();
        let Self { method, path, minor, .. } = self;
        let keep = if *minor == 0 { "Connection: keep-alive\r\n" } else { "" };
        format!("{method} {path} HTTP/1.{minor}\r\nHost: localhost\r\n{keep}{range}\r\n").into_bytes()
    }

    fn no_secret(&self, bytes: &[u8]) {
        // The secret repeats itself, so that its words stand in the first of its bytes, whichever they are.
        let start = &bytes[..bytes.len().min(4 * SECRET.len() + 400)];
        assert!(!start.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "the secret: {self:?}");
    }
}

//! Files that change while clients read them, as they are and compressed: a directory swapped with a link to a secret,
//! files and their siblings replaced, files truncated and grown, all at full speed.
//!
//! `FOOBAR_RACE_REQUESTS=1000000 cargo test --test integration secret` runs longer.

mod coded;
mod stage;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::support::{Address, Connection, Ended, Program, Random, Response, number_of, seed, until};
use coded::{CODINGS, decode};
use stage::{Change, SECRET, Stage};

const REQUESTS: u64 = 60_000;
const CLIENTS: u64 = 8;
/// How often each change is made at least.
const LEAST_ROUNDS: u64 = 300;
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
        let changes = [stage::SWAPS, stage::WRITES].into_iter().zip(&race.rounds).map(|(changes, rounds)| {
            let stage = &stage;
            scope.spawn(move || repeat(race, stage, changes, rounds))
        });
        let changes: Vec<_> = changes.collect();
        let clients = (0..CLIENTS).map(|client| scope.spawn(move || race.run(client, requests)));
        let clients: Vec<_> = clients.collect::<Vec<_>>().into_iter().map(|client| client.join()).collect();
        race.over.store(true, Ordering::Relaxed);
        assert!(clients.into_iter().all(|client| client.is_ok()), "a client failed");
        changes.into_iter().for_each(|change| change.join().unwrap());
    });
    race.conclude();
    for path in [stage::PATHS, stage::LARGE].concat() {
        until("the last state is served", || (stage.state(path) == served(&program, path)).then_some(()));
    }
    for path in stage::PATHS {
        let served = || served_for_gzip(&program, path);
        until("the last state is served to who takes gzip", || (stage.state_for_gzip(path) == served()).then_some(()));
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

/// The same for a client that takes gzip, and gets it unless the content is small or compressing it takes long.
fn served_for_gzip(program: &Program, path: &str) -> Option<Vec<u8>> {
    let answer = program.client().request("GET", path, "Accept-Encoding: gzip\r\n", b"");
    let content = match answer.header("content-encoding") {
        Some(coding) => decode(coding, &answer.body),
        None => answer.body.clone(),
    };
    (answer.status == 200).then_some(content)
}

/// Makes changes again and again while the clients run. If one fails, the race is over.
fn repeat(race: &Race, stage: &Stage, changes: &[(Change, u64)], rounds: &AtomicU64) {
    let _over = Over(&race.over);
    while !race.over.load(Ordering::Relaxed) {
        let round = rounds.fetch_add(1, Ordering::Relaxed) + 1;
        for (change, each) in changes.iter().filter(|(_, each)| round.is_multiple_of(*each)) {
            stage.change(*change, round / each);
        }
    }
}

/// Ends the race when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the clients share.
struct Race {
    address: Address,
    made: AtomicU64,
    /// How often the swaps were made, and the writes.
    rounds: [AtomicU64; 2],
    over: AtomicBool,
    /// How often each status came, and how often the connection was cut (0).
    seen: Mutex<HashMap<(&'static str, u16), u64>>,
    /// How often each coding came.
    coded: Mutex<HashMap<String, u64>>,
    /// What each entity tag stood for.
    tags: Mutex<HashMap<(&'static str, String), Representation>>,
}

impl Race {
    fn new(address: &str) -> Self {
        Self {
            address: Address::Tcp(address.to_owned()),
            made: AtomicU64::new(0),
            rounds: Default::default(),
            over: AtomicBool::new(false),
            seen: Mutex::default(),
            coded: Mutex::default(),
            tags: Mutex::default(),
        }
    }

    fn run(&self, client: u64, requests: u64) {
        let random = &mut Random::new(seed(), client);
        let mut connection = Connection::open(&self.address);
        while !self.is_enough(requests) {
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
            if random.one_in(50) {
                connection = Connection::open(&self.address); // perhaps another worker's
            }
        }
    }

    /// Where the machine is busy, it may take longer than the requests until there was a race.
    fn is_enough(&self, requests: u64) -> bool {
        let rounds = self.rounds.iter().map(|rounds| rounds.load(Ordering::Relaxed)).min();
        let is_enough = self.made.load(Ordering::Relaxed) >= requests && rounds >= Some(LEAST_ROUNDS);
        is_enough || self.over.load(Ordering::Relaxed)
    }

    /// Checks an answer; whether the connection goes on.
    fn take(&self, ask: &Ask, answer: Result<Response, Ended>) -> bool {
        let (status, persists) = match answer {
            Ok(answer) => {
                self.check(ask, &answer);
                (answer.status, answer.persists())
            }
            Err(ended) => {
                let is_cut = !matches!(ended, Ended::Silent) && stage::RESIZING.contains(&ask.path);
                assert!(is_cut, "{ended:?}: {ask:?}");
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
        let version = match answer.header("content-encoding") {
            None => ask.check_plain(answer),
            Some(coding) => self.check_coded(ask, answer, coding),
        };
        if !stage::RESIZING.contains(&ask.path) {
            let tag = (ask.path, answer.header("etag").unwrap().to_owned());
            assert!(tag.1.starts_with('"'), "a weak tag: {ask:?}");
            let coding = answer.header("content-encoding").map(str::to_owned);
            let representation = Representation { version, coding, size: extent(answer).1 };
            let mut tags = self.tags.lock().unwrap();
            let known = tags.entry(tag).or_insert_with(|| representation.clone());
            assert_eq!(*known, representation, "one tag for two representations: {ask:?}");
        }
    }

    /// Checks the content of an answer in a coding; gives its version.
    fn check_coded(&self, ask: &Ask, answer: &Response, coding: &str) -> u64 {
        assert!(ask.accepts(coding), "{coding} to {ask:?}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{ask:?}");
        let of_sibling = answer.header("accept-ranges").is_some(); // ranges are not served of what is made
        let counted = if of_sibling { "a sibling" } else { coding };
        *self.coded.lock().unwrap().entry(counted.to_owned()).or_default() += 1;
        if of_sibling { ask.check_sibling(answer, coding) } else { ask.check_made(answer, coding) }
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
        let coded = self.coded.lock().unwrap();
        println!("{coded:?}, {:?} rounds of changes", self.rounds);
        for coding in [CODINGS, &["a sibling"]].concat() {
            assert!(coded.contains_key(coding), "{coding} never came");
        }
    }
}

/// Where the body of an answer begins in its representation, and how long that is.
fn extent(answer: &Response) -> (usize, usize) {
    let Some(range) = answer.header("content-range") else { return (0, answer.body.len()) };
    let (start, rest) = range["bytes ".len()..].split_once('-').unwrap();
    (start.parse().unwrap(), rest.split_once('/').unwrap().1.parse().unwrap())
}

/// What an entity tag stands for.
#[derive(Clone, Debug, PartialEq)]
struct Representation {
    version: u64,
    coding: Option<String>,
    size: usize,
}

/// One request.
#[derive(Debug)]
struct Ask {
    method: &'static str,
    path: &'static str,
    minor: u64,
    range: Option<(u64, u64)>,
    accept: Option<&'static str>,
}

/// What clients say they take; what they do not take has `q=0` or is not named.
const ACCEPTED: &[&str] = &["gzip", "br", "zstd", "gzip, br, zstd", "br;q=0, zstd;q=0.4, gzip;q=0.5", "zstd, identity"];

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
            accept: random.one_in(6).then(|| random.pick(ACCEPTED)),
        }
    }

    fn render(&self) -> Vec<u8> {
        let range = self.range.map(|(first, last)| format!("Range: bytes={first}-{last}\r\n")).unwrap_or_default();
        let accept = self.accept.map(|accept| format!("Accept-Encoding: {accept}\r\n")).unwrap_or_default();
        let Self { method, path, minor, .. } = self;
        let keep = if *minor == 0 { "Connection: keep-alive\r\n" } else { "" };
        format!("{method} {path} HTTP/1.{minor}\r\nHost: localhost\r\n{keep}{range}{accept}\r\n").into_bytes()
    }

    fn accepts(&self, coding: &str) -> bool {
        let mut accepted = self.accept.unwrap_or_default().split(", ");
        accepted.any(|one| one.split_once(';').map_or(one, |(name, q)| if q == "q=0" { "" } else { name }) == coding)
    }

    /// Checks the content of an answer without a coding; gives its version.
    fn check_plain(&self, answer: &Response) -> u64 {
        let version = stage::version(self.path, &answer.body);
        self.check_part(answer, &stage::content(self.path, version, extent(answer).1));
        version
    }

    /// The same of a file that was there in its coding.
    fn check_sibling(&self, answer: &Response, coding: &str) -> u64 {
        assert_eq!((self.path, coding), (stage::PAIRED, "gzip"), "an old sibling: {self:?}");
        let modified = httpdate::parse_http_date(answer.header("last-modified").unwrap()).unwrap();
        let version = stage::version_at(modified);
        self.check_part(answer, &stage::sibling(version));
        version
    }

    /// The same of what the server has compressed.
    fn check_made(&self, answer: &Response, coding: &str) -> u64 {
        assert_eq!(answer.status, 200, "a part of what is made: {self:?}");
        let content = decode(coding, &answer.body);
        self.no_secret(&content);
        let version = stage::version(self.path, &content);
        assert!(stage::content(self.path, version, content.len()) == content, "mixed or padded: {self:?}");
        version
    }

    fn check_part(&self, answer: &Response, whole: &[u8]) {
        let (start, size) = extent(answer);
        assert_eq!(whole.len(), size, "the length of another version: {self:?}");
        assert!(whole[start..start + answer.body.len()] == answer.body, "mixed or padded: {self:?}");
    }

    fn no_secret(&self, bytes: &[u8]) {
        // The secret repeats itself, so that its words stand in the first of its bytes, whichever they are.
        let start = &bytes[..bytes.len().min(4 * SECRET.len() + 400)];
        assert!(!start.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "the secret: {self:?}");
    }
}

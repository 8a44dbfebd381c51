//! Foobar beside a real nginx: the same requests, made from a seed over a folder made from a seed, and every difference
//! between the answers is one of a list, with its reason.
//!
//! `FOOBAR_DIFFERENTIAL_REQUESTS=5000000 FOOBAR_SEED=7 cargo test --test integration differential` runs longer and elsewhere.

mod comparison;
mod fields;
mod folder;
mod keys;
mod lists;
mod model;
mod nginx;
mod requests;
mod routes;
mod rules;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{Address, Connection, Program, Random, Response, number_of, seed};
use comparison::{Aspect, compare};
use folder::{Folder, SECRET};
use nginx::Nginx;
use requests::Request;

const REQUESTS: u64 = 100_000;
/// The connections to each server.
const CONNECTIONS: u64 = 4;
/// The most requests that are sent before the first of them is answered.
const PIPELINED: u64 = 16;

const CONFIGURATION: &str = "
[web]
keepalive_requests = 1000000000
[sites.www]
root = \"root\"
compress = []
add_header = [\"* X-Policy: strict\"]
";

#[test]
fn foobar_answers_as_nginx_does_but_for_a_list_of_differences_with_reasons() {
    let trial = Trial::start(seed());
    println!("FOOBAR_SEED={}", trial.seed);
    let requests = number_of("FOOBAR_DIFFERENTIAL_REQUESTS", REQUESTS);
    let made = AtomicU64::new(0);
    let batches = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let (mut nginx, mut foobar) = (trial.nginx.line(), trial.foobar.line());
                while made.load(Ordering::Relaxed) < requests {
                    let batch = trial.batch(batches.fetch_add(1, Ordering::Relaxed));
                    made.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    let answers = nginx.ask(&batch).into_iter().zip(foobar.ask(&batch));
                    for (request, (nginx, foobar)) in batch.iter().zip(answers) {
                        trial.judge(request, &nginx, &foobar);
                    }
                }
            });
        }
    });
    trial.conclude(requests >= REQUESTS);
}

/// Both servers on one folder, and what was found.
struct Trial {
    seed: u64,
    folder: Folder,
    nginx: Server,
    foobar: Server,
    _programs: (Nginx, Program),
    fired: Vec<AtomicU64>,
    unexplained: Mutex<Unexplained>,
}

/// How often a difference without a reason was found, by its aspect and both statuses, and the first of them.
type Unexplained = BTreeMap<(Aspect, u16, u16), (u64, String)>;

/// A server, and the entity tags that it gives to each place: plain, compressed.
struct Server {
    address: Address,
    tags: Vec<(String, String)>,
}

impl Trial {
    fn start(seed: u64) -> Self {
        let folder = Folder::generate(seed);
        let nginx = Nginx::start(&folder.root(), "");
        let place = folder.root().parent().unwrap().to_owned();
        std::fs::write(place.join("foobar.toml"), CONFIGURATION).unwrap();
        let foobar = Program::start(&mut Program::foobar(&place));
        Self {
            seed,
            nginx: Server::meet(nginx.address.clone(), &folder),
            foobar: Server::meet(Address::Tcp(foobar.address.clone()), &folder),
            _programs: (nginx, foobar),
            fired: rules::RULES.iter().map(|_| AtomicU64::new(0)).collect(),
            folder,
            unexplained: Mutex::default(),
        }
    }

    fn batch(&self, number: u64) -> Vec<Request> {
        let mut random = Random::new(self.seed, 1000 + number);
        (0..1 + random.below(PIPELINED)).map(|_| Request::generate(&mut random, &self.folder)).collect()
    }

    fn judge(&self, request: &Request, nginx: &Response, foobar: &Response) {
        assert!(!tells_secret(foobar), "what lies outside the root is served: {}", show(request));
        for aspect in compare(request, nginx, foobar) {
            let case = rules::Case { request, nginx, foobar, folder: &self.folder, aspect };
            match rules::RULES.iter().position(|rule| rule.accepts(&case)) {
                Some(rule) => drop(self.fired[rule].fetch_add(1, Ordering::Relaxed)),
                None => self.report(&case),
            }
        }
    }

    fn report(&self, case: &rules::Case) {
        let mut unexplained = self.unexplained.lock().unwrap();
        let key = (case.aspect, case.nginx.status, case.foobar.status);
        let (count, example) = unexplained.entry(key).or_default();
        *count += 1;
        if *count < 4 {
            let (nginx, foobar) = (answered(case.nginx), answered(case.foobar));
            write!(example, "{}\n  nginx: {nginx}\n  foobar: {foobar}\n", show(case.request)).unwrap();
        }
    }

    /// Fails if a difference has no reason, or, after a run of the full length, a reason no difference.
    fn conclude(self, full: bool) {
        let mut report = String::new();
        for ((aspect, nginx, foobar), (count, examples)) in self.unexplained.into_inner().unwrap() {
            writeln!(report, "{count} times {aspect:?}: nginx {nginx}, Foobar {foobar}\n{examples}").unwrap();
        }
        assert!(report.is_empty(), "differences without a reason:\n{report}");
        let fired: Vec<_> = rules::RULES.iter().zip(self.fired.into_iter().map(AtomicU64::into_inner)).collect();
        fired.iter().for_each(|(rule, fired)| println!("{fired:>6} {}: {}", rule.name, rule.reason));
        for (rule, fired) in fired {
            assert!(fired > 0 || !full, "no difference needs the rule {:?}: take it out", rule.name);
        }
    }
}

impl Server {
    /// Asks for everything once, to know its tags.
    fn meet(address: Address, folder: &Folder) -> Self {
        let stranger = Self { address, tags: Vec::new() };
        let mut line = stranger.line();
        let mut tag = |place, accept_encoding| {
            let answer = line.ask(&[Request::plain(folder, place, accept_encoding)]).remove(0);
            answer.header("etag").unwrap_or("\"none\"").to_owned() // no file has this one
        };
        let tags = (0..folder.paths.len()).map(|place| (tag(place, "identity"), tag(place, "gzip"))).collect();
        Self { address: stranger.address.clone(), tags }
    }

    fn is_nginx(&self) -> bool {
        matches!(self.address, Address::Unix(_))
    }

    fn line(&self) -> Line<'_> {
        Line { server: self, connection: Connection::open(&self.address) }
    }
}

/// One connection to a server at a time: a closed one is opened again.
struct Line<'a> {
    server: &'a Server,
    connection: Connection,
}

impl Line<'_> {
    /// Sends all requests at once and reads the answers; those that a closed connection leaves open are sent again.
    fn ask(&mut self, requests: &[Request]) -> Vec<Response> {
        let mut answers = Vec::with_capacity(requests.len());
        while answers.len() < requests.len() {
            let open = &requests[answers.len()..];
            let bytes: Vec<u8> = open.iter().flat_map(|request| self.render(request)).collect();
            self.connection.send(&bytes);
            let before = answers.len();
            for request in open {
                let answer = match self.connection.receive(request.method) {
                    Ok(answer) => answer,
                    Err(ended) => {
                        let last = answers.last().map(answered);
                        panic!("{ended:?} after {last:?}, instead of the answer to {}", show(request));
                    }
                };
                // nginx says keep-alive with a 412, and closes, mostly.
                let doubtful = self.server.is_nginx() && answer.status == 412;
                let persists = answer.persists();
                answers.push(answer);
                if !persists || doubtful {
                    assert!(doubtful || self.connection.is_closed(), "it goes on after {}", show(request));
                    self.connection = Connection::open(&self.server.address);
                    break;
                }
            }
            assert!(answers.len() > before);
        }
        answers
    }

    fn render(&self, request: &Request) -> Vec<u8> {
        let none = (String::new(), String::new()); // while they are asked for
        let (tag, tag_of_gzip) = self.server.tags.get(request.place).unwrap_or(&none);
        request.render(tag, tag_of_gzip)
    }
}

fn tells_secret(answer: &Response) -> bool {
    let short = answer.body.len() < 2048;
    short && answer.body.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes())
}

fn show(request: &Request) -> String {
    let shown = request.render(requests::TAG, requests::TAG_OF_GZIP).escape_ascii().to_string();
    if shown.len() > 600 { format!("{}...", &shown[..600]) } else { shown }
}

fn answered(answer: &Response) -> String {
    let fields = answer.headers.iter().filter(|(name, _)| !["date", "server", "x-request-id"].contains(&name.as_str()));
    let fields: Vec<_> = fields.map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{} {}; {} bytes", answer.status, fields.join("; "), answer.body.len())
}

//! The same requests over HTTP/1, HTTP/1 over TLS and HTTP/2 over TLS to one server, made from a seed: the same status,
//! fields and content, but for what belongs to a protocol.
//!
//! `FOOBAR_TRANSPORT_REQUESTS=1000000 FOOBAR_SEED=7 cargo test --test integration transports` runs longer and elsewhere.

mod answer;
mod folder;
mod request;

use super::server::Server;
use crate::support::http2::Http2;
use crate::support::{Client, Random, number_of, seed};
use answer::Answered;
use request::Request;

const REQUESTS: u64 = 1_500;

/// An answer over HTTP/2 that is another than over HTTP/1.
struct Exception {
    reason: &'static str,
    applies: fn(&Request) -> bool,
    comes: fn(&Answered) -> bool,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        reason: "h2 refuses a head beyond 16 KiB, without content",
        applies: |request| request.head_size() > 16 << 10,
        comes: |answered| answered.status == 431 && answered.content.is_empty(),
    },
    Exception {
        reason: "RFC 9113 §8.2.2: fields of a connection make a request malformed",
        applies: |request| request.has("connection"),
        comes: Answered::is_reset,
    },
    Exception {
        reason: "RFC 9113 §8.1.1: a malformed request is reset where HTTP/1 has 400",
        applies: Request::is_malformed,
        comes: Answered::is_reset,
    },
];

#[test]
fn all_transports_give_the_same_answers() {
    let (seed, requests) = (seed(), number_of("FOOBAR_TRANSPORT_REQUESTS", REQUESTS));
    println!("FOOBAR_SEED={seed}");
    let server = Server::of(folder::SETTINGS, &[], folder::fill);
    let mut transports = Transports::new(&server);
    let tags = transports.tags();
    let mut random = Random::new(seed, 0);
    let fixed = request::FIXED.iter().map(|make| make());
    let made: Vec<Request> = fixed.chain((0..requests).map(|_| Request::generate(&mut random, &tags))).collect();
    let mut needed = [false; EXCEPTIONS.len()];
    let different: Vec<String> = made.iter().filter_map(|request| transports.differ(request, &mut needed)).collect();
    let shown = different.len().min(10);
    assert!(different.is_empty(), "{} of {requests}:\n{}", different.len(), different[..shown].join("\n"));
    for (exception, needed) in EXCEPTIONS.iter().zip(needed) {
        assert!(needed, "no request needs this: {}", exception.reason);
    }
}

/// A connection of each kind at a time.
struct Transports<'a> {
    server: &'a Server,
    plain: Option<Client>,
    tls: Option<Client>,
    http2: Option<Http2>,
}

impl<'a> Transports<'a> {
    const fn new(server: &'a Server) -> Self {
        Self { server, plain: None, tls: None, http2: None }
    }

    /// The answers to a request if they differ without a reason; notes the exception that is one.
    fn differ(&mut self, request: &Request, needed: &mut [bool]) -> Option<String> {
        let answers = [self.plain(request), self.tls(request), self.http2(request)];
        let is_reason = |exception: &Exception| (exception.applies)(request) && (exception.comes)(&answers[2]);
        let exception = EXCEPTIONS.iter().position(is_reason).filter(|_| answers[1] != answers[2]);
        if let Some(exception) = exception {
            needed[exception] = true;
        }
        let same = answers[0] == answers[1] && (answers[1] == answers[2] || exception.is_some());
        (!same).then(|| format!("{request:?}\n  {}", answers.map(|answered| format!("{answered:?}")).join("\n  ")))
    }

    fn plain(&mut self, request: &Request) -> Answered {
        let server = self.server;
        http1(&mut self.plain, || server.program.client(), request)
    }

    fn tls(&mut self, request: &Request) -> Answered {
        let server = self.server;
        http1(&mut self.tls, || Client::over(server.tls(&["http/1.1"])), request)
    }

    fn http2(&mut self, request: &Request) -> Answered {
        let server = self.server;
        let http = self.http2.get_or_insert_with(|| Http2::open(server.tls(&["h2"])));
        let fields = request.pseudo();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        match http.request(&fields, &request.content) {
            Some(reply) => Answered::new(reply.status, reply.headers, reply.body),
            None => {
                self.http2 = None; // it may have ended
                Answered::default()
            }
        }
    }

    /// The entity tags of all files.
    fn tags(&mut self) -> Vec<String> {
        let files = folder::FILES.iter().map(|path| Request::get(path));
        files.filter_map(|request| self.plain(&request).field("etag").map(str::to_owned)).collect()
    }
}

fn http1(kept: &mut Option<Client>, connect: impl Fn() -> Client, request: &Request) -> Answered {
    let client = kept.get_or_insert_with(connect);
    client.try_send(request.bytes()); // who refuses it may stop reading
    let answer = client.try_answer(&request.method).expect("an answer");
    if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        *kept = None;
    }
    Answered::new(answer.status, answer.headers, answer.body)
}

//! A whole HTTP/1 connection: whatever bytes a client sends, cut wherever they are, it is sent a well-formed sequence of
//! answers, and the application sees the requests that a slow reading of RFC 9112 finds, and no other.
#![no_main]

mod connection {
    pub mod answer;
    pub mod files;
    pub mod lines;
    pub mod request;
}

use connection::answer::Answer;
use connection::request::{Read, Request};
use foobar_web::fuzzing::Http1Server;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SERVER: Http1Server = Http1Server::new();
}

// The first four bytes say where the rest is cut.
fuzz_target!(|input: &[u8]| {
    let Some((cuts, sent)) = input.split_first_chunk::<4>() else { return };
    let sent = &sent[..sent.len().min(MOST)];
    let methods = methods(sent);
    for pieces in [vec![sent], pieces(sent, cuts)] {
        let written = SERVER.with(|server| server.answers(&pieces));
        check(sent, &Answer::read_all(&written, &methods));
    }
});

/// The longest input that is taken: less than the server takes of a head.
const MOST: usize = 4096;

fn pieces<'a>(sent: &'a [u8], cuts: &[u8; 4]) -> Vec<&'a [u8]> {
    let mut ends = cuts.map(|cut| usize::from(cut).min(sent.len()));
    ends.sort_unstable();
    let starts = [0].into_iter().chain(ends);
    starts.zip(ends.into_iter().chain([sent.len()])).map(|(start, end)| &sent[start..end]).collect()
}

/// The methods of the requests, which say how long answers are.
fn methods(mut sent: &[u8]) -> Vec<String> {
    let mut methods = Vec::new();
    while let Read::Whole(request, rest) = Request::read(sent) {
        methods.push(request.method);
        sent = rest;
    }
    methods
}

/// Holds each answer against its request.
fn check(mut sent: &[u8], answers: &[Answer]) {
    let mut answers = answers.iter();
    loop {
        match Request::read(sent) {
            Read::Whole(request, rest) => {
                let answer = answers.next().unwrap_or_else(|| panic!("{request:?} has no answer"));
                answer.check(&request, rest);
                if answer.closes {
                    break;
                }
                sent = rest;
            }
            Read::Nothing => break,
            Read::Broken { has_head } => {
                // The connection ends without a word, or the web tier answers by itself: it refuses, or needs no
                // content for its answer.
                let may_follow = |answer: &Answer| {
                    !answer.is_by_the_application() && (answer.status >= 400 || (has_head && answer.status != 101))
                };
                let answer = answers.next();
                assert!(answer.is_none_or(may_follow), "{answer:?} to what is no request");
                break;
            }
        }
    }
    assert_eq!(answers.len(), 0, "an answer that nobody asked for");
}

//! The end of a server: streams that were taken are answered.

use super::case::{get, post};
use super::server::Server;
use crate::support::http2::{Code, END_STREAM, Event, Http2, data};

const CONNECTIONS: usize = 8;
const STREAMS: u32 = 32;

#[test]
fn each_stream_that_was_taken_before_a_drain_is_answered() {
    let server = Server::start();
    let mut connections: Vec<Http2> = (0..CONNECTIONS).map(|_| server.http()).collect();
    for http in &mut connections {
        http.send((0..STREAMS).flat_map(|number| post(1 + 2 * number)).collect::<Vec<u8>>());
        let mut heads = 0;
        while heads < STREAMS {
            heads += u32::from(matches!(http.event(), Event::Head(200)));
        }
    }
    server.program.signal("TERM");
    for http in &mut connections {
        finish(http);
    }
    assert!(server.program.wait().0.success());
}

#[test]
fn a_connection_hears_twice_of_a_drain_first_of_the_end_and_then_of_the_last_stream() {
    let server = Server::start();
    let mut http = server.http();
    http.send(post(1));
    while !matches!(http.event(), Event::Head(200)) {}
    server.program.signal("TERM");
    let mut last_streams = Vec::new();
    loop {
        match http.event() {
            Event::Goaway(last, Code::NoError) => {
                last_streams.push(last);
                if last_streams.len() == 1 {
                    http.send(data(1, END_STREAM, b"the end"));
                }
            }
            Event::End => break,
            _ => {}
        }
    }
    assert_eq!(last_streams, [0x7fff_ffff, 1]);
    assert!(server.program.wait().0.success());
}

/// Waits for GOAWAY, asks once more, ends each request, and is answered.
fn finish(http: &mut Http2) {
    while !matches!(http.event(), Event::Goaway(_, Code::NoError)) {}
    let late = 1 + 2 * STREAMS;
    http.send(get(late));
    http.send((0..STREAMS).flat_map(|number| data(1 + 2 * number, END_STREAM, b"the end")).collect::<Vec<u8>>());
    let (mut answered, mut taken, mut late_ended) = (0, u32::MAX, false);
    loop {
        match http.event() {
            Event::Answer(stream, _) if stream == late => late_ended = true,
            Event::Reset(stream, Code::RefusedStream) if stream == late => late_ended = true,
            Event::Answer(_, reply) if reply.body == b"the end" => answered += 1,
            Event::Goaway(last, Code::NoError) => taken = last,
            Event::End => break,
            Event::Head(..) | Event::Data(..) | Event::WindowUpdate(..) => {}
            other => panic!("{other:?} in a drain"),
        }
    }
    assert_eq!(answered, STREAMS);
    assert!(late_ended || taken < late, "the late one may be sent elsewhere");
}

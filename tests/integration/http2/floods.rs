//! Frames that cost the server more than the client: it ends the connection soon, others are answered meanwhile, and its
//! memory stays bounded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::case::{GET, get, get_with, post, request, wait};
use super::server::Server;
use crate::support::PATIENCE;
use crate::support::http2::{
    ACK, Code, END_HEADERS, END_STREAM, Event, Http2, INITIAL_WINDOW_SIZE, PADDED, PRIORITY, continuation, data, frame,
    headers, literals, ping, priority, reset, settings, window_update,
};

/// The most that the server's memory may grow in a flood. It has grown by 0.8 to 4.4 MiB; the rest is for the
/// allocator, which takes memory for each thread and gives it back as it likes.
const GROWTH: usize = 16 << 20;
/// The same where 128 answers of 1 MiB wait that nobody takes. 1 MiB is wanted, and 0.7 to 0.8 MiB have been seen; the
/// allocator takes more at once than is asked for, and how much depends on what else the machine does. Of the 128
/// answers, four that are held whole are too much.
const PINNED: usize = 4 << 20;
/// How long a flood may go on before the connection is ended. A second is wanted. A debug build on two cores with a
/// load of 16 takes some milliseconds for most floods, and 2.7 seconds for the longest, in which 2,500 streams are
/// reset; each figure is printed. The bound is that of any test which waits: how busy a machine may be, nobody knows.
const SOON: Duration = PATIENCE;
/// The most streams that are begun before the connection is ended.
const STREAMS: u32 = 4_000;

/// How a flood ended.
struct Flooded {
    /// The last stream that the server has taken, and why it takes no more; `None` if it has not ended the connection.
    goaway: Option<(u32, Code)>,
}

/// Sends `begin`, and then `batch` this many times or until the server ends the connection. Meanwhile other requests are
/// answered, and afterwards the server's memory is no larger than it may be.
fn flood(server: &Server, begin: &[u8], times: u32, batch: impl Fn(u32) -> Vec<u8> + Sync) -> Flooded {
    assert_eq!(server.program.get("/").text(), "proving");
    let before = peak(server);
    let ended = AtomicBool::new(false);
    let mut http = server.http();
    let mut socket = http.socket();
    let begun = Instant::now();
    let mut send = |bytes: &[u8]| std::io::Write::write_all(&mut socket, bytes).is_ok();
    send(begin);
    let goaway = std::thread::scope(|scope| {
        scope.spawn(|| {
            let goes_on = |number: &u32| !ended.load(Ordering::Relaxed) && send(&batch(*number));
            (0..times).take_while(goes_on).for_each(drop);
            send(&ping(0, b"all sent")) // that nobody waits for a GOAWAY that does not come
        });
        let other = scope.spawn(|| others_are_answered(server, &ended));
        let goaway = goaway(&mut http, b"all sent");
        let time = begun.elapsed();
        println!("{goaway:?} after {time:?}");
        assert!(goaway.is_none() || time < SOON, "it is ended after {time:?}");
        ended.store(true, Ordering::Relaxed);
        other.join().unwrap();
        goaway
    });
    let grown = peak(server) - before;
    println!("{} KiB more than {} KiB", grown >> 10, before >> 10);
    assert!(grown < GROWTH, "{grown} bytes more than {before}");
    Flooded { goaway }
}

/// The GOAWAY with which the connection ends; `None` if this PING is answered instead.
fn goaway(http: &mut Http2, last: &[u8]) -> Option<(u32, Code)> {
    let mut told = (0, Code::NoError); // it may end without a word
    loop {
        match http.event() {
            Event::Goaway(stream, code) => told = (stream, code),
            Event::Pong(payload) if payload == last => return None,
            Event::End => return Some(told),
            _ => {}
        }
    }
}

/// One request after the other, each answered, until the flood has ended.
fn others_are_answered(server: &Server, ended: &AtomicBool) {
    let mut http = server.http();
    let mut client = server.program.client();
    for _ in 0..100 {
        assert_eq!(http.request(GET, b"").map(|reply| reply.status), Some(200));
        assert_eq!(client.get("/").status, 200);
        if ended.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// The most memory that the server has had, in bytes.
fn peak(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the system tells of memory");
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// A flood that the server ends with this code.
#[track_caller]
fn is_ended(server: &Server, begin: &[u8], times: u32, batch: impl Fn(u32) -> Vec<u8> + Sync) {
    let (last, code) = flood(server, begin, times, batch).goaway.expect("the server ends the connection");
    assert_ne!(code, Code::NoError, "it says why");
    assert!(last / 2 < STREAMS, "{last} was the last stream");
}

/// The number of a batch's stream, of those with so many.
const fn stream(batch: u32, number: u32, of: u32) -> u32 {
    1 + 2 * (batch * of + number)
}

/// CVE-2023-44487.
#[test]
fn streams_that_are_opened_and_reset_a_hundred_thousand_times() {
    let server = Server::start();
    for open in [get, wait, post] {
        is_ended(&server, b"", 1_000, |batch| {
            let pair = |number| [open(stream(batch, number, 100)), reset(stream(batch, number, 100), 8)].concat();
            (0..100).flat_map(pair).collect()
        });
    }
}

/// CVE-2025-8671: frames that make the server reset what it works for.
#[test]
fn streams_that_the_server_is_made_to_reset() {
    let server = Server::start();
    let kinds: [fn(u32) -> Vec<u8>; 8] = [
        |stream| window_update(stream, 0),
        |stream| window_update(stream, u32::MAX >> 1).repeat(2),
        get,
        |stream| data(stream, 0, b"x"),
        |stream| frame(2, 0, stream, &[0; 6]),
        |stream| priority(stream, stream, 0),
        |stream| {
            headers(
                stream,
                END_STREAM | END_HEADERS | PRIORITY,
                &[&stream.to_be_bytes()[..], &[0], &literals(GET)].concat(),
            )
        },
        |stream| get_with(stream + 1_000_000, &[("connection", "close")]),
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        println!("{number}");
        is_ended(&server, b"", 1_000, |batch| {
            let pair = |number| [wait(stream(batch, number, 20)), kind(stream(batch, number, 20))].concat();
            (0..20).flat_map(pair).collect()
        });
    }
}

/// The same by content that is not as long as was said.
#[test]
fn requests_that_are_malformed_again_and_again() {
    let server = Server::start();
    is_ended(&server, b"", 1_000, |batch| {
        (0..100).flat_map(|number| get_with(stream(batch, number, 100), &[("content-length", "5")])).collect()
    });
}

/// CVE-2024-27316.
#[test]
fn header_blocks_without_an_end() {
    let server = Server::start();
    let begin = headers(1, END_STREAM, &literals(GET));
    let fields = literals(&[("x", "y")]).repeat((16 << 10) / 7);
    is_ended(&server, &begin, 1_000, |_| continuation(1, 0, b"").repeat(100));
    is_ended(&server, &[begin.clone(), continuation(1, 0, b"\0\x7f\xff\xff\x03")].concat(), 1_000, |_| {
        continuation(1, 0, b"x").repeat(100)
    });
    is_ended(&server, &begin, 2_000, |_| continuation(1, 0, &fields));
}

/// CVE-2019-9511 to 9518.
#[test]
fn frames_that_carry_nothing() {
    let server = Server::start();
    let one = window_update(1, 1);
    for (name, begin, frame) in [
        ("PING", vec![], ping(0, b"12345678")),
        ("acknowledgements of PING", vec![], ping(ACK, b"12345678")),
        ("SETTINGS", vec![], settings(&[])),
        ("SETTINGS that change", vec![], [settings(&[(4, 1)]), settings(&[(4, 2)])].concat()),
        ("PRIORITY", vec![], priority(1, 0, 1)),
        ("WINDOW_UPDATE of the connection", vec![], window_update(0, 1)),
        ("WINDOW_UPDATE of a stream", wait(1), one),
        ("empty DATA", post(1), data(1, 0, b"")),
        ("DATA that is all padding", post(1), data(1, PADDED, b"\0")),
        ("RST_STREAM", [wait(1), reset(1, 8)].concat(), reset(1, 8)),
    ] {
        println!("{name}");
        is_ended(&server, &begin, 500, |_| frame.repeat(100));
    }
}

/// The frames of an extension cost nothing but their bytes: they may come.
#[test]
fn frames_that_nobody_knows_are_skipped() {
    let server = Server::start();
    assert!(flood(&server, b"", 500, |_| frame(0xBE, 0, 0, b"unknown").repeat(100)).goaway.is_none());
}

#[test]
fn a_thousand_streams_at_once() {
    let server = Server::start();
    let mut http = server.http();
    http.send((0..1_000).flat_map(|number| wait(1 + 2 * number)).collect::<Vec<u8>>());
    let (events, alive) = http.ping();
    let refused = events.iter().filter(|event| matches!(event, Event::Reset(_, Code::RefusedStream))).count();
    if alive {
        assert_eq!(refused, 1_000 - 128);
        http.send([reset(1, 8), get(2_001)].concat());
        assert_eq!(http.answer(2_001).map(|reply| reply.status), Some(200));
    } else {
        let codes: Vec<_> = events.iter().filter(|event| matches!(event, Event::Goaway(..))).collect();
        assert!(refused >= 128 && !codes.is_empty(), "{refused} refused, {codes:?}");
    }
    assert_eq!(server.http().request(GET, b"").map(|reply| reply.status), Some(200));
}

/// CVE-2026-49975: a field that is sent once and named again by a byte each time.
#[test]
fn fields_that_unfold() {
    let server = Server::start();
    let large = "x".repeat(4_000);
    for name in ["x-bomb", "cookie"] {
        let remembered = [&[0x40][..], &literals(&[(name, &large)])[1..]].concat();
        let begin = headers(1, END_STREAM | END_HEADERS, &[literals(GET), remembered].concat());
        let bomb = [literals(GET), vec![0xBE; 16_000]].concat();
        flood(&server, &begin, 20, |batch| {
            (0..5).flat_map(|number| headers(3 + stream(batch, number, 5), END_STREAM | END_HEADERS, &bomb)).collect()
        });
    }
}

/// And many small ones, with answers that nobody takes.
#[test]
fn fields_that_are_many() {
    let server = Server::start();
    let many = [literals(GET), literals(&[("a", "")]).repeat(400)].concat();
    let begin = settings(&[(INITIAL_WINDOW_SIZE, 0)]);
    flood(&server, &begin, 1, |_| {
        (0..128).flat_map(|number| headers(1 + 2 * number, END_STREAM | END_HEADERS, &many)).collect()
    });
}

#[test]
fn streams_whose_answers_nobody_takes_are_reset_after_send_timeout() {
    let server = Server::with(&[("FOOBAR__WEB__SEND_TIMEOUT", "3s")]);
    assert_eq!(server.program.get("/large.bin").body.len(), 1 << 20);
    let before = peak(&server);
    let mut http = Http2::with(server.wire(), &[(INITIAL_WINDOW_SIZE, 0)]);
    let large = |number: u32| {
        request(
            1 + 2 * number,
            &[(":method", "GET"), (":scheme", "http"), (":path", "/large.bin"), (":authority", "a")],
        )
    };
    http.send((0..128).flat_map(large).collect::<Vec<u8>>());
    let mut reset = 0;
    while reset < 128 {
        match http.event() {
            Event::Reset(_, Code::Cancel) => reset += 1,
            Event::Head(..) | Event::SettingsAck | Event::WindowUpdate(..) => {}
            other => panic!("{other:?} after {reset} streams"),
        }
    }
    let grown = peak(&server) - before;
    println!("{} KiB more than {} KiB", grown >> 10, before >> 10);
    assert!(grown < PINNED, "{grown} bytes");
    http.send([settings(&[(INITIAL_WINDOW_SIZE, 100)]), get(1_001)].concat());
    assert_eq!(http.answer(1_001).map(|reply| reply.status), Some(200), "the connection goes on");
}

/// What a browser does that leaves ten pages while they load.
#[test]
fn a_hundred_streams_that_are_opened_and_cancelled_ten_times_over_are_no_flood() {
    let server = Server::start();
    let mut http = server.http();
    for page in 0..10 {
        let opened = (0..100).flat_map(|number| get(stream(page, number, 100)));
        let cancelled = (0..100).flat_map(|number| reset(stream(page, number, 100), 8));
        http.send(opened.chain(cancelled).collect::<Vec<u8>>());
    }
    http.send(get(2_001));
    assert_eq!(http.answer(2_001).map(|reply| reply.status), Some(200));
}

/// What a client does that takes a large answer by small windows.
#[test]
fn windows_that_are_opened_as_content_comes_are_no_flood() {
    let server = Server::start();
    let mut http = server.http();
    http.send(request(
        1,
        &[(":method", "GET"), (":scheme", "http"), (":path", "/bytes/30000000"), (":authority", "a")],
    ));
    loop {
        match http.event() {
            Event::Data(stream, length) if length > 0 => {
                let length = u32::try_from(length).unwrap();
                http.send([window_update(0, length), window_update(stream, length)].concat());
            }
            Event::Answer(1, reply) => return assert_eq!(reply.body.len(), 30_000_000),
            Event::End | Event::Reset(..) | Event::Goaway(..) => panic!("it is cut off"),
            _ => {}
        }
    }
}

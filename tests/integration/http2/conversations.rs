//! What takes more than one turn: flow control, settings that change, the end of a connection.

use super::case::{GET, POST, get, post, post_with, request, wait};
use super::server::Server;
use crate::support::http2::{
    Code, DEFAULT_WINDOW, END_STREAM, Event, Http2, INITIAL_WINDOW_SIZE, LARGEST_WINDOW, PREFACE, Type, data, goaway,
    ping, reset, settings, settings_ack, window_update,
};

const HEADER_TABLE_SIZE: u16 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;

/// A GET of this path, whose stream is 1.
fn get_of(path: &str) -> Vec<u8> {
    request(1, &[(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "localhost")])
}

/// How much content comes, which is at least this much, and whether the answer ends with it. What may be sent besides is
/// sent before some PINGs are answered.
fn content(http: &mut Http2, least: usize) -> (usize, bool) {
    let mut events = Vec::new();
    while length(&events) < least {
        events.push(http.event());
        assert!(!matches!(events.last(), Some(Event::End)), "{events:?}");
    }
    (0..4).for_each(|_| events.extend(http.ping().0));
    (length(&events), events.iter().any(|event| matches!(event, Event::Answer(..))))
}

fn length(events: &[Event]) -> usize {
    let length = |event: &Event| if let Event::Data(_, length) = event { *length } else { 0 };
    events.iter().map(length).sum()
}

/// §3.4.
#[test]
fn the_server_begins_with_its_settings() {
    let server = Server::start();
    let mut http = Http2::bare(server.wire());
    http.send([PREFACE, &settings(&[])].concat());
    let first = http.frame().expect("the server answers");
    assert_eq!((first.kind, first.flags, first.stream), (Type::Settings, 0, 0));
}

/// §3.4.
#[test]
fn a_preface_may_come_byte_by_byte() {
    let server = Server::start();
    let mut http = Http2::bare(server.wire());
    for byte in [PREFACE, &settings(&[]), &get(1)].concat() {
        http.send([byte]);
    }
    assert_eq!(http.answer(1).map(|reply| reply.status), Some(200));
}

/// §3.3.
#[test]
fn http_1_is_answered_beside() {
    let server = Server::start();
    assert_eq!(server.program.get("/").text(), "proving");
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    assert_eq!(server.program.client().request("GET", "/", upgrade, b"").status, 200); // RFC 9113 has no such upgrade
}

/// §5.1.2 and §6.5.2.
#[test]
fn the_settings_tell_how_many_streams_there_may_be() {
    let server = Server::start();
    let mut http = Http2::bare(server.wire());
    http.send([PREFACE, &settings(&[])].concat());
    let Event::Settings(values) = http.event() else { panic!("settings come first") };
    assert_eq!(values.get(&MAX_CONCURRENT_STREAMS), Some(&128));
}

/// §6.5.3.
#[test]
fn each_settings_frame_is_acknowledged() {
    let server = Server::start();
    let mut http = server.http();
    http.send(settings(&[]).repeat(5));
    let acknowledged = http.ping().0.into_iter().filter(|event| matches!(event, Event::SettingsAck));
    assert_eq!(acknowledged.count(), 6, "those of the preface too");
}

/// §6.7.
#[test]
fn a_ping_comes_back_with_its_payload_while_streams_wait() {
    let server = Server::start();
    let mut http = server.http();
    http.send([wait(1), ping(0, b"12345678"), ping(0, b"abcdefgh")].concat());
    let mut pongs = Vec::new();
    while pongs.len() < 2 {
        if let Event::Pong(payload) = http.event() {
            pongs.push(payload);
        }
    }
    assert_eq!(pongs, [b"12345678", b"abcdefgh"]);
}

/// Clients count frames that carry next to nothing, and end a connection for too many.
#[test]
fn ranges_of_a_few_bytes_come_in_few_frames() {
    let server = Server::start();
    let mut http = Http2::open(server.wire());
    let ranges: Vec<String> = (0..256).map(|number| format!("{}-{}", number * 20, number * 20 + 1)).collect();
    let ranges = format!("bytes={}", ranges.join(","));
    for stream in [1, 3, 5] {
        let path = [(":method", "GET"), (":scheme", "http"), (":path", "/large.bin"), (":authority", "a")];
        http.send(request(stream, &[&path[..], &[("range", &ranges)]].concat()));
        let mut frames = 0;
        let reply = loop {
            match http.event() {
                Event::Answer(_, reply) => break reply,
                Event::Data(..) => frames += 1,
                Event::End | Event::Reset(..) | Event::Goaway(..) => panic!("it is cut off"),
                _ => {}
            }
        };
        let parts = String::from_utf8_lossy(&reply.body).matches("\r\n\r\nxx\r\n").count();
        assert_eq!((reply.status, parts), (206, 256));
        assert!(frames <= reply.body.len() / 512, "{} bytes in {frames} frames", reply.body.len());
    }
}

/// §6.9.1.
#[test]
fn a_window_of_one_byte_lets_one_byte_pass() {
    let server = Server::start();
    let mut http = Http2::with(server.wire(), &[(INITIAL_WINDOW_SIZE, 1)]);
    http.send(get(1));
    assert_eq!(content(&mut http, 1), (1, false));
    for _ in 1.."provin".len() {
        http.send(window_update(1, 1));
        assert_eq!(content(&mut http, 1), (1, false));
    }
    http.send(window_update(1, 100));
    assert_eq!(http.answer(1).expect("it goes on").body, b"proving");
}

/// §6.9.1.
#[test]
fn the_window_of_the_connection_bounds_all_streams() {
    let server = Server::start();
    let mut http = Http2::with(server.wire(), &[(INITIAL_WINDOW_SIZE, LARGEST_WINDOW)]);
    http.send(get_of("/bytes/100000"));
    let all = DEFAULT_WINDOW as usize;
    assert_eq!(content(&mut http, all), (all, false));
    http.send(window_update(0, 100_000));
    assert_eq!(http.answer(1).expect("it goes on").body.len(), 100_000);
}

/// §6.9.2.
#[test]
fn a_window_that_is_opened_by_settings_is_used() {
    let server = Server::start();
    let mut http = Http2::with(server.wire(), &[(INITIAL_WINDOW_SIZE, 0)]);
    http.send(get(1));
    assert_eq!(content(&mut http, 0), (0, false));
    http.send(settings(&[(INITIAL_WINDOW_SIZE, 3)]));
    assert_eq!(content(&mut http, 3), (3, false));
}

/// §6.9.2.
#[test]
fn a_window_may_become_negative() {
    let server = Server::start();
    let mut http = Http2::with(server.wire(), &[(INITIAL_WINDOW_SIZE, 3)]);
    http.send(get(1));
    assert_eq!(content(&mut http, 3), (3, false));
    http.send(settings(&[(INITIAL_WINDOW_SIZE, 1)])); // 3 were sent: it is -2
    http.send(window_update(1, 2));
    assert_eq!(content(&mut http, 0), (0, false));
    http.send(window_update(1, 1));
    assert_eq!(content(&mut http, 1), (1, false));
}

/// §6.9.
#[test]
fn an_answer_without_content_needs_no_window() {
    let server = Server::start();
    let mut http = Http2::with(server.wire(), &[(INITIAL_WINDOW_SIZE, 0)]);
    let reply = http.request(&[(":method", "GET"), (":scheme", "http"), (":path", "/empty"), (":authority", "a")], b"");
    assert_eq!(reply.expect("it is answered").status, 204);
}

/// §6.9.1.
#[test]
fn the_server_opens_its_windows_for_content_that_is_read() {
    let server = Server::start();
    let mut http = Http2::open(server.wire());
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let reply = http.request(POST, &content).expect("it is answered");
    assert!(reply.body == content, "{} of {} bytes", reply.body.len(), content.len());
}

/// §4.2.
#[test]
fn frames_are_no_longer_than_the_client_allows() {
    let server = Server::start();
    let mut http = Http2::open(server.wire());
    http.send(get_of("/bytes/1000000"));
    while let Some(frame) = http.frame() {
        assert!(frame.payload.len() <= 1 << 14, "{} bytes", frame.payload.len());
        if frame.kind == Type::Data && frame.has(END_STREAM) {
            return;
        }
    }
    panic!("the answer has no end");
}

/// §6.5.2, RFC 7541 §4.2.
#[test]
fn a_client_without_a_table_is_answered_without_it() {
    let server = Server::start();
    let mut http = Http2::with(server.wire(), &[(HEADER_TABLE_SIZE, 0)]);
    for _ in 0..3 {
        assert_eq!(http.request(GET, b"").expect("it is answered").header("content-length"), Some("7"));
    }
}

/// §6.8.
#[test]
fn a_client_that_goes_away_is_answered_to_the_end() {
    let server = Server::start();
    let mut http = server.http();
    http.send([post(1), goaway(0, 0, b"bye"), data(1, END_STREAM, b"last words")].concat());
    assert_eq!(http.answer(1).expect("it is answered").body, b"last words");
    while !matches!(http.event(), Event::End) {}
}

/// §8.2.2.
#[test]
fn no_answer_has_fields_of_a_connection_or_names_in_upper_case() {
    let server = Server::start();
    let mut http = server.http();
    for path in ["/", "/empty", "/panic", "/bytes/100", "/nowhere", "/%zz"] {
        let fields = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a")];
        let reply = http.request(&fields, b"").expect("it is answered");
        for (name, _) in reply.headers {
            let banned = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
            assert!(!banned.contains(&&*name) && !name.bytes().any(|byte| byte.is_ascii_uppercase()), "{path}: {name}");
        }
    }
}

/// §8.2.3.
#[test]
fn a_cookie_in_crumbs_is_one_field() {
    let server = Server::start();
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/cookie"), (":authority", "a")];
    let crumbs = [("cookie", "a=b"), ("x", "y"), ("cookie", "c=d"), ("cookie", "e=f")];
    let reply = server.http().request(&[&fields[..], &crumbs].concat(), b"").expect("it is answered");
    assert_eq!(String::from_utf8_lossy(&reply.body), "a=b; c=d; e=f");
}

/// RFC 9110 §9.3.2.
#[test]
fn head_tells_the_length_and_has_no_content() {
    let server = Server::start();
    let fields = [(":method", "HEAD"), (":scheme", "http"), (":path", "/seven.txt"), (":authority", "a")];
    let reply = server.http().request(&fields, b"").expect("it is answered");
    assert_eq!((reply.status, reply.header("content-length"), reply.body.len()), (200, Some("7"), 0));
}

/// §8.1.
#[test]
fn an_early_answer_lets_the_client_stop_sending() {
    let server = Server::start();
    let mut http = server.http();
    let too_much = [("content-length", "10737418240")];
    http.send(post_with(1, &too_much));
    assert_eq!(http.answer(1).expect("it is answered at once").status, 413);
    http.send([reset(1, 8), get(3)].concat());
    assert_eq!(http.answer(3).map(|reply| reply.status), Some(200));
}

/// §6.8 and §5.4.1.
#[test]
fn goaway_names_the_last_stream_that_was_taken() {
    let server = Server::start();
    let mut http = server.http();
    http.send([get(1), get(3), get(5), window_update(0, 0)].concat());
    let mut last = None;
    loop {
        match http.event() {
            Event::Goaway(stream, Code::ProtocolError) => last = Some(stream),
            Event::End => break,
            _ => {}
        }
    }
    assert_eq!(last, Some(5));
}

/// §6.5.3.
#[test]
fn acknowledgements_are_counted_by_nobody_who_sent_none() {
    let server = Server::start();
    let mut http = server.http();
    http.send([settings_ack(), get(1)].concat()); // the second: the client has acknowledged by itself
    let answered = http.answer(1).map(|reply| reply.status);
    assert!(matches!(answered, None | Some(200)), "{answered:?}");
}

/// RFC 7301.
#[test]
fn alpn_chooses_the_protocol() {
    let server = Server::start();
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let wire = server.tls(offered);
        assert_eq!(wire.protocol().map(|name| std::str::from_utf8(name).unwrap()), agreed, "{offered:?}");
    }
    let reply = Http2::open(server.tls(&["h2"])).request(GET, b"").expect("it is answered");
    assert_eq!(reply.body, b"proving");
}

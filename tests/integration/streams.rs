//! Streams without an end, clients that go, and the stop of the server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::support::{PATIENCE, Program};

/// The program with these settings.
fn command(folder: &Path, shutdown_timeout: &str, stream_timeout: &str) -> Command {
    let mut command = Program::example("proving", folder);
    command.env("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", shutdown_timeout);
    command.env("FOOBAR__SERVER__STREAM_TIMEOUT", stream_timeout);
    command
}

/// A stream that has begun.
fn open(program: &Program, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
    let mut come = Vec::new();
    while !come.ends_with(b"data: begun\n\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        come.push(byte[0]);
    }
    stream
}

/// What comes of it until its end, and whether that was a clean one.
fn rest(mut stream: TcpStream) -> (String, bool) {
    let mut text = Vec::new();
    let ended = stream.read_to_end(&mut text);
    let text = String::from_utf8(text).unwrap();
    let is_whole = ended.is_ok() && text.ends_with("0\r\n\r\n");
    (text, is_whole)
}

fn stop(program: Program) -> (Option<i32>, String) {
    program.signal("TERM");
    let (status, log) = program.wait();
    (status.code(), log)
}

#[test]
fn a_stream_of_events_ends_with_a_stop_at_once_and_says_goodbye() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut command(folder.path(), "1h", "1h"));
    let streams = ["/events", "/events"].map(|path| open(&program, path));
    let (code, log) = stop(program);
    assert_eq!(code, Some(0), "{log}");
    for (text, is_whole) in streams.map(rest) {
        assert!(is_whole && text.contains("data: goodbye\n\n"), "{text}");
    }
}

#[test]
fn a_stream_without_an_end_is_ended_by_a_stop_after_stream_timeout_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut command(folder.path(), "1h", "300ms"));
    let stream = open(&program, "/silent");
    let (code, log) = stop(program);
    assert!(code == Some(0) && log.contains("a stream is ended, as the server stops"), "{code:?} {log}");
    assert!(!rest(stream).1, "nobody takes it for whole");
}

#[test]
fn a_stream_ends_before_shutdown_timeout_also_where_stream_timeout_is_longer() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut command(folder.path(), "12s", "1h"));
    let stream = open(&program, "/silent");
    let (code, log) = stop(program);
    assert_eq!(code, Some(0), "{log}");
    assert!(!rest(stream).1, "nobody takes it for whole");
}

#[test]
fn a_write_whose_client_has_gone_is_finished_before_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut command(folder.path(), "1h", "1h"));
    ask_and_go(&program, "PUT /late/7");
    let (code, log) = stop(program);
    assert_eq!(code, Some(0), "{log}");
    let program = Program::start(&mut command(folder.path(), "1h", "1h"));
    assert_eq!(program.get("/ledger/7").text(), "acknowledged");
}

#[test]
fn a_handler_that_outlasts_its_client_and_the_stop_is_cut_off_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut command(folder.path(), "300ms", "1h"));
    ask_and_go(&program, "POST /forever");
    assert_eq!(stop(program).0, Some(3));
}

/// A client that breaks its connection off while the handler has its request.
fn ask_and_go(program: &Program, request: &str) {
    let mut client = TcpStream::connect(&program.address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(format!("{request} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(client.peek(&mut [0]).unwrap(), 1, "the hints of the handler; as they are not read, the end is a reset");
}

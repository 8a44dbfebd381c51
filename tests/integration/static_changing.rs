//! A large file that changes while a client is in the middle of reading it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use crate::support::{PATIENCE, Program};

/// More than the buffers of a connection hold.
const SIZE: usize = 32 << 20;
/// A multiple of every page size: of the page in which a file ends now, the system clears the rest.
const SHORT: usize = 4 << 20;

const BLOCK: usize = 64 << 10;

/// A part of the file, which tells its number and has no 0 in it.
fn block(number: usize) -> Vec<u8> {
    let line = format!("{number:07}\n");
    line.repeat(BLOCK / line.len()).into_bytes()
}

/// A client that has read the head of the answer and no more.
struct Reading {
    _program: Program,
    folder: tempfile::TempDir,
    content: Vec<u8>,
    stream: TcpStream,
    head: String,
}

impl Reading {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let content = (0..SIZE / BLOCK).map(block).collect::<Vec<_>>().concat();
        fs::write(folder.path().join("file"), &content).unwrap();
        let program = Program::start(Program::foobar(folder.path()).args(["--root", "."]));
        let mut stream = TcpStream::connect(&program.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        Self { _program: program, folder, content, stream, head: String::from_utf8(head).unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    /// What comes after the head, up to the announced length, and whether the connection ends before it.
    fn rest(&mut self) -> (Vec<u8>, bool) {
        assert!(self.head.contains(&format!("content-length: {SIZE}\r\n")), "{}", self.head);
        let mut body = Vec::new();
        let mut chunk = vec![0; 1 << 20];
        while body.len() < SIZE {
            match self.stream.read(&mut chunk) {
                Ok(0) => return (body, true),
                Ok(read) => body.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return (body, true),
                Err(error) => panic!("after {} bytes: {error}", body.len()),
            }
        }
        (body, false)
    }
}

#[test]
fn a_file_that_is_truncated_while_it_is_sent_ends_in_a_cut_connection_and_nothing_is_made_up() {
    let mut reading = Reading::start();
    File::options().write(true).open(reading.file()).unwrap().set_len(SHORT as u64).unwrap();
    let (body, cut) = reading.rest();
    assert!(cut && body.len() < SIZE, "{} bytes", body.len());
    assert!(body == reading.content[..body.len()], "something was made up");
}

#[test]
fn a_file_that_grows_while_it_is_sent_keeps_its_announced_length() {
    let mut reading = Reading::start();
    File::options().append(true).open(reading.file()).unwrap().write_all(&[b'x'; 100_000]).unwrap();
    let (body, cut) = reading.rest();
    assert!(!cut && body == reading.content);
    reading.stream.write_all(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut next = [0; 12];
    reading.stream.read_exact(&mut next).unwrap();
    assert_eq!(&next, b"HTTP/1.1 404", "the next answer follows at once");
}

#[test]
fn a_file_that_is_replaced_while_it_is_sent_is_sent_as_it_was() {
    let mut reading = Reading::start();
    let new = reading.folder.path().join("new");
    fs::write(&new, "new").unwrap();
    fs::rename(new, reading.file()).unwrap();
    let (body, cut) = reading.rest();
    assert!(!cut && body == reading.content);
}

#[test]
fn a_file_that_is_removed_while_it_is_sent_is_sent_as_it_was() {
    let mut reading = Reading::start();
    fs::remove_file(reading.file()).unwrap();
    let (body, cut) = reading.rest();
    assert!(!cut && body == reading.content);
}

//! Clients that take their answers slowly or not at all, on each way that an answer is written.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::handler_fn;
use foobar_web::{Address, WebTier};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::support::{Client, STEP, Server, answer, log_of, wait_until};

/// The length of the file: more than the system takes ahead.
const LENGTH: usize = 16 << 20;

/// An answer that is written from memory, sent by the system, and written by the pipeline.
const WAYS: [(&str, &str); 3] = [("32MiB", ""), ("1MiB", ""), ("1MiB", "User-Agent: x\r\nUser-Agent: x\r\n")];

/// A server of one large file, of which it knows.
fn site(web: &str, largest_in_memory: &str) -> (TempDir, Server) {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::write(folder.path().join("large.bin"), vec![b'x'; LENGTH]).expect("it is writable");
    let root = folder.path().display();
    let server = Server::with(
        &format!("[web]\nfile_cache_max_file = '{largest_in_memory}'\n{web}\n[sites.a]\nroot = '{root}'\n"),
        Some(Arc::new(handler_fn(answer))),
    );
    assert_eq!(server.connect().get("/large.bin").body.len(), LENGTH);
    server.wait_until_alone();
    (folder, server)
}

/// So many pieces are more than the system takes ahead of a [`slow_client`].
const ROOM: u128 = 20;

/// A client that asks for the file, and whose system takes little ahead of it.
fn slow_client(server: &Server, fields: &str) -> Client {
    let Some(Address::Tcp(address)) = server.web.addresses().into_iter().next() else { panic!("it listens on TCP") };
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    socket.set_recv_buffer_size(32 << 10).expect("it is a socket");
    socket.connect(&address.into()).expect("the server accepts");
    let mut client = Client::new(TcpStream::from(socket));
    client.send(format!("GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n"));
    client
}

/// Reads some bytes every 10 ms for so long, then the rest, and gives how many there were. No time passes while the
/// server's system has not learnt of what was read.
fn read_slowly(server: &Server, client: &mut Client, time: Duration) -> std::io::Result<usize> {
    let mut piece = [0; 4 << 10];
    let mut read = 0;
    let mut known = taken(server, client);
    for number in 1..=time.as_millis() / STEP.as_millis() {
        client.stream.get_mut().read_exact(&mut piece)?;
        read += piece.len();
        server.pass(STEP);
        if number.is_multiple_of(ROOM) {
            wait_until("it learns of it", || server.is_alone() || taken(server, client) > known);
            known = taken(server, client);
        }
    }
    let mut rest = Vec::new();
    client.stream.read_to_end(&mut rest)?;
    Ok(read + rest.len())
}

/// How much of what the server has sent its system knows to be taken, at least.
fn taken(server: &Server, client: &Client) -> u64 {
    let sent = server.figure("sent_bytes_total");
    sent.saturating_sub(client.end.not_taken())
}

#[test]
fn a_client_that_reads_slowly_and_steadily_gets_its_answer() {
    for limits in
        ["send_timeout = '400ms'\nmin_rate = '0'", "send_timeout = '60s'\nmin_rate = '20KiB'\nmin_rate_grace = '400ms'"]
    {
        for (largest, fields) in WAYS {
            let (_folder, server) = site(limits, largest);
            let mut client = slow_client(&server, fields);
            let read = read_slowly(&server, &mut client, Duration::from_secs(2));
            assert!(read.as_ref().is_ok_and(|read| *read > LENGTH), "{limits} {largest} {fields}: {read:?}");
        }
    }
}

#[test]
fn a_client_that_reads_more_slowly_than_min_rate_is_reset() {
    for (largest, fields) in WAYS {
        let (_folder, server) = site("send_timeout = '60s'\nmin_rate = '4MiB'\nmin_rate_grace = '400ms'", largest);
        let mut client = slow_client(&server, fields);
        let read = read_slowly(&server, &mut client, Duration::from_secs(10));
        assert!(read.is_err(), "{largest} {fields}: {read:?}");
    }
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    for (largest, fields) in WAYS {
        let (_folder, server) = site("send_timeout = '400ms'\nmin_rate = '0'", largest);
        let mut client = slow_client(&server, fields);
        client.stream.get_mut().read_exact(&mut [0; 1]).expect("the answer begins");
        let time = server.time_until(|| server.is_alone());
        assert!(time >= Duration::from_millis(400), "{largest} {fields}: {time:?}");
    }
}

#[test]
fn a_client_that_has_closed_its_side_and_reads_slowly_gets_its_answer() {
    for (largest, fields) in WAYS {
        let (_folder, server) = site("send_timeout = '400ms'\nmin_rate = '0'", largest);
        let mut client = slow_client(&server, fields);
        client.stream.get_ref().shutdown(std::net::Shutdown::Write).expect("it is open");
        let read = read_slowly(&server, &mut client, Duration::from_secs(2));
        assert!(read.as_ref().is_ok_and(|read| *read > LENGTH), "{largest} {fields}: {read:?}");
    }
}

#[test]
fn the_log_tells_how_much_of_a_body_was_sent_to_a_client_that_was_given_up() {
    for (largest, fields) in WAYS {
        let log = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
        let web = format!("access_log = '{}'\nsend_timeout = '400ms'", log.path().display());
        let (_folder, server) = site(&web, largest);
        let before = server.figure("sent_bytes_total"); // heads and bodies
        let mut client = slow_client(&server, fields);
        client.stream.get_mut().read_exact(&mut [0; 1]).expect("the answer begins");
        server.time_until(|| server.is_alone());
        let sent = server.figure("sent_bytes_total") - before;
        server.drain_at_leisure();
        let log = log_of(&server, log.path());
        let logged = log.lines().nth(1).and_then(|line| line.split("\" 200 ").nth(1)?.split(' ').next());
        let logged: u64 = logged.expect("a second answer").parse().expect("a number");
        assert!((sent - 500..sent).contains(&logged), "{largest} {fields}: {logged} of {sent}");
    }
}

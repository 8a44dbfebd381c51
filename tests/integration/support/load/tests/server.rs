use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::load::exchange::ACCEPT;

/// A server that drops one request of [`DROPS`]: before the answer, within that to a download, or after 100.
pub(super) struct Flawed {
    pub(super) address: String,
    asked: Arc<AtomicU64>,
}

/// One of this many is dropped.
pub(super) const DROPS: u64 = 1000;

/// What a WebSocket is told that is dropped.
#[derive(Clone, Copy)]
pub(super) enum Goodbye {
    Nothing,
    GoingAway,
    Failure,
}

impl Flawed {
    /// As one that has seen so many requests before.
    pub(super) fn start(first: u64) -> Self {
        Self::with(first, Goodbye::Nothing, None)
    }

    pub(super) fn saying(first: u64, goodbye: Goodbye) -> Self {
        Self::with(first, goodbye, None)
    }

    pub(super) fn over_tls(first: u64, config: Arc<ServerConfig>) -> Self {
        Self::with(first, Goodbye::Nothing, Some(config))
    }

    /// How many requests it has seen, with those before.
    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Relaxed)
    }

    fn with(first: u64, goodbye: Goodbye, tls: Option<Arc<ServerConfig>>) -> Self {
        let (listener, asked) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(AtomicU64::new(first)));
        let (address, counted) = (listener.local_addr().unwrap().to_string(), Arc::clone(&asked));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (asked, tls) = (Arc::clone(&counted), tls.clone());
                std::thread::spawn(move || match tls {
                    None => serve(client, &asked, goodbye),
                    Some(tls) => serve(StreamOwned::new(ServerConnection::new(tls).unwrap(), client), &asked, goodbye),
                });
            }
        });
        Self { address, asked }
    }
}

/// Up to the end of the connection, which is an error too.
fn serve(client: impl Read + Write, asked: &AtomicU64, goodbye: Goodbye) -> io::Result<()> {
    let mut client = BufReader::new(client);
    loop {
        let head = head(&mut client)?;
        if head.contains("Upgrade: websocket") {
            let answer = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: ";
            say(&mut client, format!("{answer}{ACCEPT}\r\n\r\n").as_bytes())?;
            return echo(&mut client, asked, goodbye);
        }
        let is_dropped = is_dropped(asked);
        if head.contains("Expect: 100-continue") {
            say(&mut client, b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        client.read_exact(&mut body)?;
        let download = head.strip_prefix("GET /bytes/").and_then(|rest| rest.split(' ').next());
        let answer = match (download, body.len()) {
            (Some(length), _) => vec![b'x'; length.parse().unwrap()],
            (None, 0) => b"ok".to_vec(),
            (None, length) => length.to_string().into_bytes(),
        };
        let announced = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
        match (is_dropped, download) {
            (true, None) => return Ok(()),
            (true, Some(_)) => return say(&mut client, &[announced.as_bytes(), &answer[answer.len() / 2..]].concat()),
            (false, _) => say(&mut client, &[announced.as_bytes(), &answer].concat())?,
        }
    }
}

/// Of a WebSocket, each message counts.
fn echo(client: &mut BufReader<impl Read + Write>, asked: &AtomicU64, goodbye: Goodbye) -> io::Result<()> {
    loop {
        let mut head = [0; 6];
        client.read_exact(&mut head)?;
        let mut message = vec![0; usize::from(head[1] & 0x7f)];
        client.read_exact(&mut message)?;
        if !is_dropped(asked) {
            say(client, &[&[head[0], head[1] & 0x7f], message.as_slice()].concat())?;
            continue;
        }
        return match goodbye {
            Goodbye::Nothing => Ok(()),
            Goodbye::GoingAway => say(client, &[0x88, 2, 0x03, 0xe9]),
            Goodbye::Failure => say(client, &[0x88, 2, 0x03, 0xf3]),
        };
    }
}

fn is_dropped(asked: &AtomicU64) -> bool {
    asked.fetch_add(1, Relaxed) % DROPS == DROPS - 1
}

fn head(client: &mut impl BufRead) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

fn say(client: &mut BufReader<impl Read + Write>, bytes: &[u8]) -> io::Result<()> {
    client.get_mut().write_all(bytes)?;
    client.get_mut().flush()
}

//! What a server says of itself before anybody signs in.

use std::io;

use mysql_async::Opts;
use tokio::net::{TcpStream, UnixStream};

/// Whether a server calls itself one of MariaDB. Nobody signs in, so that it counts no wrong password; but it may count a
/// connection that was broken off. An error where it does not say what it is, such as one that is full.
pub(super) async fn is_mariadb(server: &Opts) -> io::Result<bool> {
    let mut greeting = [0; 64]; // its version is at the beginning
    let length = read(server, &mut greeting).await?;
    match &greeting[..length] {
        [_, _, _, _, PROTOCOL, version @ ..] if !version.is_empty() => {
            Ok(version.windows(NAME.len()).any(|word| word == NAME))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// With which a greeting begins, after the four bytes of its packet.
const PROTOCOL: u8 = 10;
const NAME: &[u8] = b"MariaDB";

async fn read(server: &Opts, greeting: &mut [u8]) -> io::Result<usize> {
    match server.socket() {
        Some(path) => {
            let stream = UnixStream::connect(path).await?;
            first(async || stream.readable().await, |buffer| stream.try_read(buffer), greeting).await
        }
        None => {
            let stream = TcpStream::connect((server.ip_or_hostname(), server.tcp_port())).await?;
            first(async || stream.readable().await, |buffer| stream.try_read(buffer), greeting).await
        }
    }
}

/// The bytes that come first.
async fn first(
    ready: impl AsyncFn() -> io::Result<()>,
    read: impl Fn(&mut [u8]) -> io::Result<usize>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    loop {
        ready().await?;
        match read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use mysql_async::OptsBuilder;

    use super::*;

    /// What a server is taken for that says this and hangs up.
    async fn told(says: &'static [u8]) -> io::Result<bool> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(says).unwrap());
        let told = is_mariadb(&OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(port).into()).await;
        server.join().unwrap();
        told
    }

    #[tokio::test]
    async fn a_server_is_known_by_its_greeting() {
        assert!(told(b"\x20\0\0\0\x0a5.5.5-10.11.19-MariaDB-0+deb12u1\0").await.unwrap());
        assert!(!told(b"\x09\0\0\0\x0a9.7.4-2\0").await.unwrap());
    }

    #[tokio::test]
    async fn a_server_that_gives_no_greeting_is_not_taken_for_one_of_either_kind() {
        for says in [&b""[..], b"\x20\0\0\0\x0a", b"\x17\0\0\0\xff\x10\x04Too many connections"] {
            told(says).await.unwrap_err();
        }
    }
}

//! What a server says of itself before anybody signs in.

use std::io;

use mysql_async::Opts;
use tokio::net::{TcpStream, UnixStream};

/// Whether a server calls itself one of MariaDB. Nobody signs in, so that it counts no wrong password; but it may count a
/// connection that was broken off.
pub(super) async fn is_mariadb(server: &Opts) -> io::Result<bool> {
    let mut greeting = [0; 64]; // its version is at the beginning
    let length = read(server, &mut greeting).await?;
    Ok(greeting[..length].windows(NAME.len()).any(|word| word == NAME))
}

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

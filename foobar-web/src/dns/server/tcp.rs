use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::answers::Answers;
use super::room::{Admission, Room};
use crate::dns::answer::{Outcome, Transport, answer};
use crate::dns::transfer;

/// Accepts connections as long as there is room for them, or one that is idle to make some.
pub(super) async fn serve(listener: TcpListener, answers: Arc<Answers>) {
    let room = Room::new();
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                if let Some(admission) = room.admit(client, answers.may_transfer(client)) {
                    let answers = Arc::clone(&answers);
                    tokio::spawn(async move {
                        drop(timeout(LIFETIME, connection(stream, client, admission, &answers)).await); // whoever wants more connects again
                    });
                }
            }
            Err(error) => rest(&error).await,
        }
    }
}

/// Answers one question after the other, until the client goes or another one has its admission.
async fn connection(
    mut stream: TcpStream,
    client: SocketAddr,
    mut admission: Admission,
    answers: &Answers,
) -> io::Result<()> {
    loop {
        let question = tokio::select! {
            question = timeout(PATIENCE, read(&mut stream)) => question??,
            () = admission.lost() => return Ok(()),
        };
        if !admission.set_busy() {
            return Ok(());
        }
        answers.served.counters.question(Transport::Tcp);
        let zone = answers.served.zone();
        match answer(&zone, &question, Transport::Tcp, answers.may_transfer(client)) {
            Outcome::Answer(answer) => {
                answers.served.counters.answer(&answer);
                timeout(PATIENCE, write(&mut stream, &answer.bytes)).await??;
            }
            Outcome::Transfer(reply) => {
                for message in transfer::messages(&zone, &reply) {
                    timeout(PATIENCE, write(&mut stream, &message)).await??;
                }
                answers.served.counters.transfer();
                tracing::info!(%client, zone = zone.name(), serial = zone.serial(), "the zone was transferred");
            }
            Outcome::Nothing => return Ok(()),
        }
        admission.set_idle();
    }
}

/// A message, after its length (RFC 1035, section 4.2.2).
async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut message = vec![0; length.into()];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await
}

/// Descriptors may be short.
async fn rest(error: &io::Error) {
    tracing::warn!(%error, "a connection of DNS cannot be accepted");
    tokio::time::sleep(REST).await;
}

/// For a question, from the answer before it or the beginning, and for the sending of an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of a connection.
const LIFETIME: Duration = Duration::from_secs(120);
const REST: Duration = Duration::from_millis(100);

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;

use super::answers::Answers;
use crate::dns::answer::{LONGEST_DATAGRAM, Outcome, Transport, answer, by_tcp};
use crate::dns::rate_limit::{RateLimit, Verdict};

/// Answers one datagram after the other.
pub(super) async fn serve(socket: UdpSocket, answers: Arc<Answers>) {
    let mut limit = RateLimit::new(answers.rate_limit(), Instant::now());
    let mut buffer = [0; LONGEST_QUESTION];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, client)) => {
                answers.served.counters.question(Transport::Udp);
                if limit.per_second() != answers.rate_limit() {
                    limit = RateLimit::new(answers.rate_limit(), Instant::now());
                }
                if let Some(bytes) = reply(&answers, &mut limit, &buffer[..length], client) {
                    send(&socket, &bytes, client);
                }
            }
            Err(error) => rest(&error).await,
        }
    }
}

fn reply(answers: &Answers, limit: &mut RateLimit, bytes: &[u8], client: SocketAddr) -> Option<Vec<u8>> {
    let counters = &answers.served.counters;
    match limit.ask(client.ip(), Instant::now()) {
        Verdict::Answer => {}
        Verdict::ByTcp => {
            counters.sent_to_tcp();
            return by_tcp(bytes);
        }
        Verdict::Nothing => {
            counters.dropped();
            return None;
        }
    }
    match answer(&answers.served.zone(), bytes, Transport::Udp, answers.may_transfer(client)) {
        Outcome::Answer(answer) => {
            counters.answer(&answer);
            Some(answer.bytes)
        }
        Outcome::Transfer(_) | Outcome::Nothing => None,
    }
}

/// Where it cannot be sent at once, whoever asked asks again.
fn send(socket: &UdpSocket, bytes: &[u8], client: SocketAddr) {
    if let Err(error) = socket.try_send_to(bytes, client) {
        tracing::debug!(%client, %error, "an answer is lost");
    }
}

/// After what one client cannot cause.
async fn rest(error: &io::Error) {
    tracing::warn!(%error, "a question of DNS cannot be read");
    tokio::time::sleep(REST).await;
}

/// A longer one is read in part, and refused.
const LONGEST_QUESTION: usize = LONGEST_DATAGRAM as usize;
const REST: Duration = Duration::from_millis(100);

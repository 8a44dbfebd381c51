//! Secondary name servers are told when the zone changes (RFC 1996).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::RecordType;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::served::Served;
use super::zone::Zone;

/// Tells one of them of each change, and of the zone at the beginning.
pub(super) async fn run(served: Arc<Served>, secondary: SocketAddr) {
    let mut changes = served.changes();
    loop {
        changes.mark_unchanged();
        let zone = served.zone();
        tokio::select! {
            () = tell(&zone, secondary) => {
                if changes.changed().await.is_err() {
                    return;
                }
            }
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

async fn tell(zone: &Zone, secondary: SocketAddr) {
    match try_to_tell(zone, secondary).await {
        Ok(()) => tracing::debug!(%secondary, serial = zone.serial(), "it knows of the zone's serial"),
        Err(error) => tracing::warn!(
            %secondary, %error,
            "a secondary name server does not answer to word of a change (NOTIFY); it sees it when it looks by itself, each hour"
        ),
    }
}

async fn try_to_tell(zone: &Zone, secondary: SocketAddr) -> io::Result<()> {
    let own: IpAddr = if secondary.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((own, 0)).await?;
    socket.connect(secondary).await?;
    let message = message(zone);
    let bytes = message.to_vec().map_err(io::Error::other)?;
    let mut failure = io::Error::from(io::ErrorKind::TimedOut);
    for wait in WAITS.map(Duration::from_secs) {
        let answered = async {
            socket.send(&bytes).await?;
            hear(&socket, message.metadata.id).await
        };
        match timeout(wait, answered).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => {
                failure = error; // nobody listens there yet
                tokio::time::sleep(wait).await;
            }
            Err(_elapsed) => {}
        }
    }
    Err(failure)
}

fn message(zone: &Zone) -> Message {
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Notify;
    message.metadata.authoritative = true;
    message.add_query(Query::query(zone.origin().clone(), RecordType::SOA));
    message
}

async fn hear(socket: &UdpSocket, id: u16) -> io::Result<()> {
    let mut buffer = [0; 512];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = Message::from_vec(&buffer[..length]).ok(); // what is none is nobody's
        let is_one =
            |answer: &Message| answer.metadata.id == id && answer.metadata.message_type == MessageType::Response;
        if answer.as_ref().is_some_and(is_one) {
            return Ok(());
        }
    }
}

/// For the answer to each try, in seconds.
const WAITS: [u64; 5] = [1, 2, 4, 8, 16];

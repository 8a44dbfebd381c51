//! Whether secondary name servers have the zone as it is here: others ask them as well as this one.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_proto::rr::{RData, RecordType};
use tokio::time::{sleep, timeout};

use super::resolver::Resolver;
use super::zone::Zone;

/// Waits until they have it, or something later, but not for ever: those that do not get it are named in the log.
pub(super) async fn until_all_have(zone: &Zone, secondaries: &[SocketAddr]) {
    join_all(secondaries.iter().map(async |secondary| {
        if timeout(PATIENCE, until_it_has(zone, *secondary)).await.is_err() {
            tracing::warn!(
                %secondary, serial = zone.serial(),
                "a secondary name server has not taken the zone over within {PATIENCE:?}: whoever asks it does not see the change"
            );
        }
    }))
    .await;
}

async fn until_it_has(zone: &Zone, secondary: SocketAddr) {
    while !serial(zone, secondary).await.is_some_and(|serial| is_at_least(serial, zone.serial())) {
        sleep(PAUSE).await;
    }
}

/// `None` if it does not say, and is asked again.
async fn serial(zone: &Zone, secondary: SocketAddr) -> Option<u32> {
    let answer = Resolver::of(secondary).ask(zone.origin(), RecordType::SOA).await.ok()?;
    answer.records.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    })
}

/// In the arithmetic of serials, which go round (RFC 1982).
const fn is_at_least(serial: u32, other: u32) -> bool {
    serial.wrapping_sub(other) < 1 << 31
}

/// How long is waited, and between two questions.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_that_has_gone_round_is_later() {
        assert!(is_at_least(7, 7) && is_at_least(8, 7) && is_at_least(0, u32::MAX));
        assert!(!is_at_least(6, 7) && !is_at_least(u32::MAX, 0));
    }
}

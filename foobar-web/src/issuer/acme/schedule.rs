use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;

/// Of seconds.
pub(super) const HOUR: u64 = 60 * 60;
pub(super) const DAY: u64 = 24 * HOUR;
/// No time that is kept lies farther ahead, but where the clock was wrong: an authority is left alone for a week at most.
pub(super) const FARTHEST: u64 = 8 * DAY;

/// How long nothing is ordered after so many failures.
const PAUSES: [u64; 7] = [60, 300, 1800, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY];

/// Seconds until the next order after so many failures, a fifth more or less as `drawn` says, which is from 0 to 1: not
/// all servers come at the same time.
pub(super) fn back_off(failures: u32, drawn: f64) -> u64 {
    let index = usize::try_from(failures).unwrap_or(usize::MAX).saturating_sub(1); // the last pause
    let pause = PAUSES[index.min(PAUSES.len() - 1)];
    (pause as f64 * (0.8 + 0.4 * drawn)) as u64
}

/// When a certificate is renewed whose authority says nothing of it: after two thirds of its life, or half of a short one.
pub(super) fn renewal(not_before: u64, not_after: u64) -> u64 {
    let life = not_after.saturating_sub(not_before);
    not_before + if life < 10 * DAY { life / 2 } else { life / 3 * 2 }
}

/// The same moment, if it is in the life of the certificate and leaves a tenth of that to try again: an authority may say
/// any.
pub(super) fn within(at: u64, not_before: u64, not_after: u64) -> u64 {
    let latest = not_after - not_after.saturating_sub(not_before) / 10;
    at.min(latest).max(not_before)
}

/// A moment of the time that an authority proposes, as `drawn` says.
pub(super) fn moment(window: (u64, u64), drawn: f64) -> u64 {
    window.0 + (window.1.saturating_sub(window.0) as f64 * drawn) as u64
}

/// A number from 0 to 1 by chance; the middle where the system gives none.
pub(super) fn drawn() -> f64 {
    let mut bytes = [0; 4];
    match rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

/// Since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()) // 1970 at least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_day_and_differ_by_a_fifth() {
        assert_eq!(
            (back_off(1, 0.5), back_off(2, 0.5), back_off(7, 0.5), back_off(u32::MAX, 0.5)),
            (60, 300, DAY, DAY)
        );
        assert_eq!((back_off(2, 0.0), back_off(2, 1.0)), (240, 360));
        assert!((0..100).map(|_| drawn()).all(|drawn| (0.0..=1.0).contains(&drawn)));
    }

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_life_and_a_short_one_after_half() {
        assert_eq!(renewal(1000, 1000 + 90 * DAY), 1000 + 60 * DAY);
        assert_eq!(renewal(1000, 1000 + 6 * DAY), 1000 + 3 * DAY);
        assert_eq!(renewal(1000, 0), 1000);
    }

    #[test]
    fn a_certificate_is_renewed_before_its_last_tenth_whatever_the_authority_says() {
        let (from, to) = (1000, 1000 + 100 * DAY);
        for (said, at) in
            [(u64::MAX, from + 90 * DAY), (to, from + 90 * DAY), (from + 70 * DAY, from + 70 * DAY), (0, from)]
        {
            assert_eq!(within(said, from, to), at, "{said}");
        }
        assert_eq!(within(5, 1000, 0), 1000);
    }

    #[test]
    fn a_moment_lies_in_the_time_that_was_proposed() {
        assert_eq!((moment((100, 200), 0.0), moment((100, 200), 0.5), moment((100, 200), 1.0)), (100, 150, 200));
        assert_eq!(moment((100, 50), 0.7), 100);
    }
}

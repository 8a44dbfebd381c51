//! The time in words, made once a second for each worker.

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use tokio::time::Instant;

/// The time of day in words, for a worker that writes it many times a second: put together once in each.
#[derive(Default)]
pub(crate) struct Clock(RefCell<Option<Second>>);

/// One second of the day, written out.
pub(crate) struct Second {
    start: SystemTime,
    end: Instant,
    /// `Fri, 20 Nov 2026 05:41:00 GMT`, as in `Date`.
    pub(crate) http: String,
    /// The same as a value.
    pub(crate) date: HeaderValue,
    /// `20/Nov/2026:05:41:00 +0000`, as in nginx's log.
    pub(crate) common: String,
    /// `2026-11-20T05:41:00`, as in RFC 3339.
    pub(crate) iso: String,
    /// What was asked for: as many as there are rules that give a time.
    later: RefCell<Vec<(Duration, Rc<str>)>>,
}

/// A date of HTTP, which begins with the year 1970 and ends with 9999.
fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST))
}

/// The last second that a date can say.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// The time that lies so long after another, as in `Expires`; at most ten years, as a year has four digits there, and
/// not before 1970.
pub(crate) fn after(time: SystemTime, period: Duration) -> String {
    http_date(time.max(UNIX_EPOCH) + period.min(TEN_YEARS))
}

const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

impl Clock {
    /// The second that `now` lies in.
    pub(crate) fn at(&self, now: Instant) -> Ref<'_, Second> {
        if self.0.borrow().as_ref().is_none_or(|second| now >= second.end) {
            let time = UNIX_EPOCH.elapsed().unwrap_or_default(); // a clock before 1970 stays at 1970
            let left = Duration::from_secs(1).saturating_sub(Duration::from_nanos(time.subsec_nanos().into()));
            let start = UNIX_EPOCH + Duration::from_secs(time.as_secs());
            self.0.replace(Some(Second::new(start, now + left))); // early rather than late, if this thread was held up
        }
        Ref::map(self.0.borrow(), |second| second.as_ref().expect("it was made above"))
    }
}

impl Second {
    pub(crate) fn new(start: SystemTime, end: Instant) -> Self {
        let http = http_date(start);
        let (day, month, year, clock) = (&http[5..7], &http[8..11], &http[12..16], &http[17..25]);
        let number = MONTHS.iter().position(|name| *name == month).unwrap_or_default() + 1; // it is one of them
        let common = format!("{day}/{month}/{year}:{clock} +0000");
        let iso = format!("{year}-{number:02}-{day}T{clock}");
        let date = HeaderValue::try_from(&http).expect("letters, digits and colons make a value");
        Self { start, end, http, date, common, iso, later: RefCell::default() }
    }

    /// How many milliseconds of it have passed `now`.
    pub(crate) fn milliseconds(&self, now: Instant) -> u128 {
        let left = self.end.saturating_duration_since(now);
        Duration::from_secs(1).saturating_sub(left).as_millis().min(999)
    }

    /// The time so long [after] this.
    pub(crate) fn http_after(&self, period: Duration) -> Rc<str> {
        let mut later = self.later.borrow_mut();
        if let Some((_, text)) = later.iter().find(|(known, _)| *known == period) {
            return Rc::clone(text);
        }
        let text: Rc<str> = after(self.start, period).into();
        later.push((period, Rc::clone(&text)));
        text
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_written_in_three_ways() {
        let second = Second::new(UNIX_EPOCH + Duration::from_secs(1_795_153_260), Instant::now());
        assert_eq!(second.http, "Fri, 20 Nov 2026 05:41:00 GMT");
        assert_eq!(second.common, "20/Nov/2026:05:41:00 +0000");
        assert_eq!(second.iso, "2026-11-20T05:41:00");
        for (before, milliseconds) in [(0, 999), (1, 999), (2, 998), (1000, 0), (2000, 0)] {
            let end = Instant::now() + Duration::from_hours(1);
            let second = Second::new(UNIX_EPOCH, end);
            assert_eq!(second.milliseconds(end - Duration::from_millis(before)), milliseconds);
        }
        assert_eq!(after(UNIX_EPOCH - Duration::from_secs(9), Duration::ZERO), "Thu, 01 Jan 1970 00:00:00 GMT");
        let minute = (60, "Fri, 20 Nov 2026 05:42:00 GMT");
        for (period, date) in [minute, (u64::MAX, "Mon, 17 Nov 2036 05:41:00 GMT"), minute] {
            assert_eq!(*second.http_after(Duration::from_secs(period)), *date);
        }
    }

    #[test]
    fn beyond_the_year_9999_time_stands_still() {
        let second = Second::new(UNIX_EPOCH + 2 * LAST, Instant::now());
        assert_eq!(
            (second.http.as_str(), second.iso.as_str()),
            ("Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59")
        );
        assert_eq!(*second.http_after(TEN_YEARS), *"Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn a_second_is_kept_to_its_end() {
        let clock = Clock::default();
        let now = Instant::now();
        let first = clock.at(now).end;
        assert_eq!(clock.at(first - Duration::from_nanos(1)).end, first);
        assert!(first > now && first <= now + Duration::from_secs(1));
    }
}

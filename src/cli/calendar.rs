//! Dates of the Gregorian calendar, in UTC.

/// The date of a day since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(super) const fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // since March
    let (year, day) = (year + era * 400, day - (153 * month + 2) / 5 + 1);
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// `2026-01-31` of seconds since 1970; what was before is the first day.
pub(super) fn day(seconds: i64) -> String {
    let (year, month, day) = date(u64::try_from(seconds).unwrap_or(0) / 86_400); // see above
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (day, expected) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (20_513, (2026, 3, 1)),
            (20_787, (2026, 11, 30)),
        ] {
            assert_eq!(date(day), expected, "{day}");
        }
        assert_eq!((day(-1), day(951_782_400)), ("1970-01-01".to_owned(), "2000-02-29".to_owned()));
    }
}

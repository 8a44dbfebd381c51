//! Numbers as a person writes them, and what is wrong with one that its type cannot hold.

use std::fmt::Display;
use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use super::wrong::Wrong;

pub(super) const WHOLE: &str = "is not a whole number";
pub(super) const NUMBER: &str = "is not a number";

/// Where the integers of a type begin and end.
pub(super) trait Integer: FromStr<Err = ParseIntError> + Default {
    const LEAST: Self;
    const MOST: Self;
}

macro_rules! integers {
    ($($kind:ty)*) => { $(
        impl Integer for $kind {
            const LEAST: Self = Self::MIN;
            const MOST: Self = Self::MAX;
        }
    )* };
}

integers! { i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 }

pub(super) fn integer<N: Integer + Display>(text: &str) -> Result<N, Wrong> {
    text.parse().map_err(|wrong: ParseIntError| match wrong.kind() {
        IntErrorKind::PosOverflow => Wrong::told(format!("is more than {}", N::MOST)),
        IntErrorKind::NegOverflow => less_than(&N::LEAST),
        _ if is_negative(text) => less_than(&N::LEAST), // a type without negative numbers takes no `-`
        _ => Wrong::told(WHOLE),
    })
}

fn less_than(least: &impl Display) -> Wrong {
    Wrong::told(format!("is less than {least}"))
}

fn is_negative(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or_default(); // without the sign it is not negative
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// A number that is finite in its type; not `inf` and `nan`.
pub(super) fn float<N: FromStr + Into<f64> + Copy>(text: &str) -> Result<N, Wrong> {
    let number: N = text.parse().map_err(|_no_number| Wrong::told(NUMBER))?;
    match number.into() {
        value if value.is_finite() => Ok(number),
        _ if text.contains(|letter: char| letter.is_ascii_digit()) => Err(Wrong::told("is too large")),
        _ => Err(Wrong::told(NUMBER)),
    }
}

/// A number of JSON in digits where they may be an integer's, which a fraction and an exponent are not.
pub(super) fn of_json(number: &serde_json::Number) -> String {
    match number.as_f64() {
        // What is beyond 64 bits is kept as a float.
        Some(float) if number.is_f64() && float.abs() >= u64::MAX as f64 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

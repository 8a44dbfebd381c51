use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, SeqAccess, Visitor};

/// A number of bytes, written `"512"`, `"8KiB"`, `"10MiB"`, `"1GiB"` (powers of 1024) or `"10MB"` (powers of 1000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// This many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The number of bytes, for what is held in memory.
    pub const fn as_usize(self) -> usize {
        if self.0 > usize::MAX as u64 { usize::MAX } else { self.0 as usize }
    }
}

impl From<Size> for u64 {
    fn from(size: Size) -> Self {
        size.0
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const UNITS: &[(&str, u64)] = &[
            ("", 1),
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("KB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
        ];
        scaled(text, UNITS)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a size; write for example \"512\", \"8KiB\" or \"10MiB\""))
    }
}

/// A length of time, written `"250ms"`, `"30s"`, `"5m"`, `"1h"`, `"30d"` or `"0"`. It is a [`Duration`] by `Deref`:
/// `*period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// This long.
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }
}

impl Deref for Period {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        let milliseconds = if text == "0" { Some(0) } else { scaled(text, UNITS) };
        milliseconds.map(|ms| Self(Duration::from_millis(ms))).ok_or_else(|| {
            let unit = if scaled(text, &[("", 1)]).is_some() { " without a unit" } else { "" };
            format!("{text:?} is not a length of time{unit}; write for example \"250ms\", \"30s\" or \"5m\"")
        })
    }
}

/// A list, written as an array or as one text with commas: `["a", "b"]` or `"a, b"`. Where there is only text, as in
/// the environment, it may be an array of texts in TOML: so items may have commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(Vec<T>);

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

/// A whole number followed by one of `units`; `None` if it is not, or too large.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor) // too large: no number of this kind
}

/// An array that opens with a quote, and not the address `[::1]:80`; else what is between commas.
pub(crate) fn items(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    if !text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['"', '\''])) {
        return Ok(text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect());
    }
    let array = toml::de::ValueDeserializer::parse(text).and_then(Vec::deserialize);
    array.map_err(|_| "this begins like an array, and is none; write for example '[\"a\", \"b, c\"]'".to_owned())
}

struct Text<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number with its unit")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(std::marker::PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<List<T>, E> {
                let items = items(text).map_err(E::custom)?;
                items.into_iter().map(|item| T::deserialize(item.into_deserializer())).collect()
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(List(list))
            }
        }

        deserializer.deserialize_seq(Items(std::marker::PhantomData)) // or one text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_periods_carry_units_and_refuse_what_they_do_not_know() {
        assert_eq!("10MiB".parse(), Ok(Size(10 << 20)));
        assert_eq!("10 MB".parse(), Ok(Size(10_000_000)));
        assert_eq!("512".parse(), Ok(Size(512)));
        assert_eq!("30s".parse(), Ok(Period(Duration::from_secs(30))));
        assert_eq!("30d".parse(), Ok(Period(Duration::from_secs(30 * 86_400))));
        assert_eq!("0".parse(), Ok(Period(Duration::ZERO)));
        for bad in ["", "MiB", "-1", "1.5MiB", "10mib", "99999999999GiB"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?}");
        }
        for bad in ["", "30", "30 seconds", "-1s"] {
            assert!(bad.parse::<Period>().is_err(), "{bad:?}");
        }
    }
}

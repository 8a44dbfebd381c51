//! Reads a merged value as a type that serde knows.
//!
//! What was written as TOML has a type, and is not converted into another: a key that takes an integer refuses `true`,
//! `2.9` and `"3"`. What came from the environment, an option or a preset is text, and is read as what its key takes.

mod access;
mod wrong;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use config::{Map, Value, ValueKind};
use serde::de::{DeserializeOwned, Deserializer, Visitor};

use super::origin::gives_text;
use crate::units;

use access::{Entries, Entry, Items, Variant};
pub(super) use wrong::{Place, What, Wrong};

pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Wrong> {
    T::deserialize(Reader::of(value))
}

/// A value as it was given.
enum Reader {
    Toml(ValueKind),
    Text(String),
}

impl Reader {
    fn of(value: Value) -> Self {
        let is_text = value.origin().is_some_and(gives_text);
        match value.kind {
            ValueKind::String(text) if is_text => Self::Text(text),
            kind => Self::Toml(kind),
        }
    }

    /// What it is, in the words of TOML.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Toml(ValueKind::String(_)) => "a string",
            Self::Toml(ValueKind::Nil) => "nothing",
            Self::Toml(ValueKind::Boolean(_)) => "a boolean",
            Self::Toml(ValueKind::Float(_)) => "a float",
            Self::Toml(ValueKind::Table(_)) => "a table",
            Self::Toml(ValueKind::Array(_)) => "an array",
            Self::Toml(ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_)) => "an integer",
        }
    }

    fn is_no(&self, expected: &'static str) -> Wrong {
        What::Type(self.kind(), expected.to_owned()).into()
    }

    fn boolean(&self) -> Result<bool, Wrong> {
        match self {
            Self::Toml(ValueKind::Boolean(value)) => Ok(*value),
            Self::Text(text) => match text.trim().to_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Ok(true),
                "false" | "off" | "no" | "0" => Ok(false),
                _ => Err(self.is_no("a boolean")),
            },
            Self::Toml(_) => Err(self.is_no("a boolean")),
        }
    }

    fn integer(&self, range: RangeInclusive<i128>) -> Result<i128, Wrong> {
        let number = match self {
            Self::Toml(ValueKind::I64(number)) => (*number).into(),
            Self::Toml(ValueKind::U64(number)) => (*number).into(),
            Self::Text(text) => self.parsed(text, "an integer")?,
            Self::Toml(_) => return Err(self.is_no("an integer")),
        };
        if range.contains(&number) { Ok(number) } else { Err(What::OutOfRange(number, range).into()) }
    }

    /// An integer is a float too, as in arithmetic.
    fn float(&self) -> Result<f64, Wrong> {
        match self {
            Self::Toml(ValueKind::Float(number)) => Ok(*number),
            Self::Toml(ValueKind::I64(number)) => Ok(*number as f64),
            Self::Text(text) => self.parsed(text, "a float"),
            Self::Toml(_) => Err(self.is_no("a float")),
        }
    }

    fn small_float(&self) -> Result<f32, Wrong> {
        let number = self.float()?;
        let small = number as f32;
        let is_lost = number.is_finite() && !small.is_finite();
        if is_lost { Err(What::Other("it is too large for a float of 32 bits".to_owned()).into()) } else { Ok(small) }
    }

    fn parsed<T: FromStr<Err: Display>>(&self, text: &str, expected: &'static str) -> Result<T, Wrong> {
        text.trim().parse().map_err(|_error: T::Err| self.is_no(expected))
    }

    /// The items of an array; of a text, what is between its commas.
    fn items(self) -> Result<Result<Vec<Self>, Self>, Wrong> {
        match self {
            Self::Toml(ValueKind::Array(items)) => Ok(Ok(items.into_iter().map(Self::of).collect())),
            Self::Text(text) => {
                let items = units::items(&text).map_err(|message| Wrong::from(What::Other(message)))?;
                Ok(Ok(items.into_iter().map(Self::Text).collect()))
            }
            other => Ok(Err(other)),
        }
    }

    fn sequence<'de, V: Visitor<'de>>(items: Vec<Self>, visitor: V) -> Result<V::Value, Wrong> {
        let mut items = Items::of(items);
        let value = visitor.visit_seq(&mut items)?;
        items.end().map(|()| value)
    }

    fn entries(table: Map<String, Value>) -> Entries<Self> {
        let entry = |(name, value): (String, Value)| {
            let key = Self::Text(name.clone());
            Entry { name, key, value: Self::of(value) }
        };
        Entries::of(table.into_iter().map(entry).collect())
    }

    fn variant(self) -> Result<Variant<Self>, Wrong> {
        match self {
            Self::Text(name) | Self::Toml(ValueKind::String(name)) => Ok(Variant { name, value: None }),
            Self::Toml(ValueKind::Table(table)) if table.len() == 1 => {
                let (name, value) = table.into_iter().next().expect("it has one key");
                Ok(Variant { name, value: Some(Self::of(value)) })
            }
            other => Err(other.is_no("a string, or a table of one key")),
        }
    }
}

/// Methods of a [`Deserializer`] that ask for an integer.
macro_rules! integers {
    ($($method:ident $visit:ident $kind:ty,)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            let number = self.integer(<$kind>::MIN.into()..=<$kind>::MAX.into())?;
            visitor.$visit(number as $kind) // it is in the range
        }
    )* };
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Wrong;

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Self::Text(text) | Self::Toml(ValueKind::String(text)) => visitor.visit_string(text),
            Self::Toml(kind) => match kind {
                ValueKind::Nil => visitor.visit_unit(),
                ValueKind::Boolean(value) => visitor.visit_bool(value),
                ValueKind::I64(number) => visitor.visit_i64(number),
                ValueKind::I128(number) => visitor.visit_i128(number),
                ValueKind::U64(number) => visitor.visit_u64(number),
                ValueKind::U128(number) => visitor.visit_u128(number),
                ValueKind::Float(number) => visitor.visit_f64(number),
                ValueKind::String(text) => visitor.visit_string(text),
                ValueKind::Array(items) => Self::sequence(items.into_iter().map(Self::of).collect(), visitor),
                ValueKind::Table(table) => visitor.visit_map(Self::entries(table)),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_f32(self.small_float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Self::Toml(ValueKind::Nil) => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.items()? {
            Ok(items) => Self::sequence(items, visitor),
            Err(text @ Self::Toml(ValueKind::String(_))) => text.deserialize_any(visitor), // a `List` takes one too
            Err(other) => Err(other.is_no("an array")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        match self.items()? {
            Ok(items) => Self::sequence(items, visitor),
            Err(other) => Err(other.is_no("an array")),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Self::Toml(ValueKind::Table(table)) => visitor.visit_map(Self::entries(table)),
            other => Err(other.is_no("a table")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_enum(self.variant()?)
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct identifier ignored_any
    }
}

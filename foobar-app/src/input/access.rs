//! The parts of what was sent: items, fields, a choice.

use std::marker::PhantomData;
use std::vec::IntoIter;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::place::Step;
use super::wrong::Wrong;

/// Something to read, and the step to it; none where it has no name of its own.
pub(super) struct Part<'a, R> {
    pub(super) step: Option<Step<&'a str>>,
    pub(super) reader: R,
}

impl<'de, R: Deserializer<'de, Error = Wrong>> Part<'_, R> {
    fn read<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        self.read_by(|reader| seed.deserialize(reader))
    }

    fn read_by<T>(self, read: impl FnOnce(R) -> Result<T, Wrong>) -> Result<T, Wrong> {
        read(self.reader).map_err(|wrong| match self.step {
            Some(step) => wrong.within(step),
            None => wrong,
        })
    }
}

/// Items that are made when they are asked for: after a wrong one nobody asks.
pub(super) struct Items<'a, R>(Box<dyn Iterator<Item = Part<'a, R>> + 'a>);

impl<'a, R> Items<'a, R> {
    pub(super) fn of(items: impl Iterator<Item = Part<'a, R>> + 'a) -> Self {
        Self(Box::new(items))
    }

    /// Nothing may be left: who asks for two does not get the first two of three.
    pub(super) fn end(mut self) -> Result<(), Wrong> {
        if self.0.next().is_none() { Ok(()) } else { Err(Wrong::told("has too many items")) }
    }
}

impl<'de, R: Deserializer<'de, Error = Wrong>> SeqAccess<'de> for Items<'_, R> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        self.0.next().map(|item| item.read(seed)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint().1
    }
}

pub(super) struct Entries<'a, R> {
    entries: IntoIter<(&'a str, Part<'a, R>)>,
    next: Option<Part<'a, R>>,
}

impl<'a, R> Entries<'a, R> {
    pub(super) fn of(entries: Vec<(&'a str, Part<'a, R>)>) -> Self {
        Self { entries: entries.into_iter(), next: None }
    }
}

impl<'de, R: Deserializer<'de, Error = Wrong>> MapAccess<'de> for Entries<'_, R> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        let Some((name, value)) = self.entries.next() else { return Ok(None) };
        self.next = Some(value);
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        self.next.take().expect("serde asks for a name before its value").read(seed)
    }
}

/// A choice: its name, and what it holds.
pub(super) struct Choice<'a, R> {
    pub(super) name: &'a str,
    pub(super) value: Option<Part<'a, R>>,
}

impl<'a, 'de, R: Deserializer<'de, Error = Wrong>> EnumAccess<'de> for Choice<'a, R> {
    type Error = Wrong;
    type Variant = Held<'a, R>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), Wrong> {
        Ok((seed.deserialize(StrDeserializer::<Wrong>::new(self.name))?, Held(self.value)))
    }
}

/// What a choice holds.
pub(super) struct Held<'a, R>(Option<Part<'a, R>>);

impl<'de, R: Deserializer<'de, Error = Wrong>> VariantAccess<'de> for Held<'_, R> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        self.0.map_or(Ok(()), |value| value.read(PhantomData::<()>))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        self.0.ok_or_else(empty)?.read(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.0.ok_or_else(empty)?.read_by(|reader| reader.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Wrong> {
        self.0.ok_or_else(empty)?.read_by(|reader| reader.deserialize_struct("", fields, visitor))
    }
}

fn empty() -> Wrong {
    Wrong::custom("the choice holds something")
}

//! The parts of what was sent: items, fields, a choice.

use std::vec::IntoIter;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::wrong::Wrong;

/// Something to read, and the way to it.
pub(super) struct Part<R> {
    pub(super) path: String,
    pub(super) reader: R,
}

impl<'de, R: Deserializer<'de, Error = Wrong>> Part<R> {
    fn read<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        seed.deserialize(self.reader).map_err(|wrong| wrong.at(&self.path))
    }
}

pub(super) struct Items<R>(IntoIter<Part<R>>);

impl<R> Items<R> {
    pub(super) fn of(items: Vec<Part<R>>) -> Self {
        Self(items.into_iter())
    }
}

impl<'de, R: Deserializer<'de, Error = Wrong>> SeqAccess<'de> for Items<R> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        self.0.next().map(|item| item.read(seed)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

pub(super) struct Entries<'a, R> {
    entries: IntoIter<(&'a str, Part<R>)>,
    next: Option<Part<R>>,
}

impl<'a, R> Entries<'a, R> {
    pub(super) fn of(entries: Vec<(&'a str, Part<R>)>) -> Self {
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
    pub(super) value: Option<Part<R>>,
}

impl<'de, R: Deserializer<'de, Error = Wrong>> EnumAccess<'de> for Choice<'_, R> {
    type Error = Wrong;
    type Variant = Held<R>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), Wrong> {
        Ok((seed.deserialize(StrDeserializer::<Wrong>::new(self.name))?, Held(self.value)))
    }
}

/// What a choice holds.
pub(super) struct Held<R>(Option<Part<R>>);

impl<'de, R: Deserializer<'de, Error = Wrong>> VariantAccess<'de> for Held<R> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        self.0.map_or(Ok(()), |value| value.read(std::marker::PhantomData::<IgnoredAny>).map(|_ignored| ()))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        self.0.ok_or_else(empty)?.read(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Wrong> {
        let Part { path, reader } = self.0.ok_or_else(empty)?;
        reader.deserialize_tuple(length, visitor).map_err(|wrong| wrong.at(&path))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Wrong> {
        let Part { path, reader } = self.0.ok_or_else(empty)?;
        reader.deserialize_struct("", fields, visitor).map_err(|wrong| wrong.at(&path))
    }
}

fn empty() -> Wrong {
    Wrong::custom("the choice holds something")
}

//! The parts of a value: items of an array, entries of a table, the variant of an enum.

use std::iter::Enumerate;
use std::vec::IntoIter;

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::wrong::{What, Wrong};

pub(super) struct Items<R>(Enumerate<IntoIter<R>>);

impl<R> Items<R> {
    pub(super) fn of(items: Vec<R>) -> Self {
        Self(items.into_iter().enumerate())
    }

    /// An error where items are left: a pair is not made of three.
    pub(super) fn end(mut self) -> Result<(), Wrong> {
        match self.0.next() {
            Some((taken, _)) => Err(What::Other(format!("there are more than {taken} items")).into()),
            None => Ok(()),
        }
    }
}

impl<'de, R: Deserializer<'de, Error = Wrong>> SeqAccess<'de> for &mut Items<R> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some((number, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(item).map(Some).map_err(|wrong| wrong.in_item(number))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// One entry of a table: its name, the same as something to read, and its value.
pub(super) struct Entry<R> {
    pub(super) name: String,
    pub(super) key: R,
    pub(super) value: R,
}

pub(super) struct Entries<R> {
    entries: IntoIter<Entry<R>>,
    next: Option<(String, R)>,
}

impl<R> Entries<R> {
    pub(super) fn of(entries: Vec<Entry<R>>) -> Self {
        Self { entries: entries.into_iter(), next: None }
    }
}

impl<'de, R: Deserializer<'de, Error = Wrong>> MapAccess<'de> for Entries<R> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        let Some(Entry { name, key, value }) = self.entries.next() else { return Ok(None) };
        let read = seed.deserialize(key).map_err(|wrong| wrong.in_key(&name))?;
        self.next = Some((name, value));
        Ok(Some(read))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let (name, value) = self.next.take().expect("serde asks for a key before its value");
        seed.deserialize(value).map_err(|wrong| wrong.in_key(&name))
    }
}

/// A word, or the one key of a table with its value.
pub(super) struct Variant<R> {
    pub(super) name: String,
    pub(super) value: Option<R>,
}

impl<R> Variant<R> {
    fn read<T>(self, read: impl FnOnce(R) -> Result<T, Wrong>) -> Result<T, Wrong> {
        match self.value {
            Some(value) => read(value).map_err(|wrong| wrong.in_key(&self.name)),
            None => Err(What::Type("a string", "a table".to_owned()).into()),
        }
    }
}

impl<'de, R: Deserializer<'de, Error = Wrong>> EnumAccess<'de> for Variant<R> {
    type Error = Wrong;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Wrong> {
        Ok((seed.deserialize(StringDeserializer::<Wrong>::new(self.name.clone()))?, self))
    }
}

impl<'de, R: Deserializer<'de, Error = Wrong>> VariantAccess<'de> for Variant<R> {
    type Error = Wrong;

    /// What a table has for it is an unknown key, which has been refused.
    fn unit_variant(self) -> Result<(), Wrong> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        self.read(|value| seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.read(|value| value.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Wrong> {
        self.read(|value| value.deserialize_map(visitor))
    }
}

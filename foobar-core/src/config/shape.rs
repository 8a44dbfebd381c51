//! What serde tells of a type without a value of it: the keys of its table, and where it holds a [`Secret`].
//!
//! [`look`] lets the type read itself from a deserializer that notes what is asked of it at one place, and then ends in
//! an error. So each place costs one attempt, and no value has to be invented that the type would accept.
//!
//! [`Secret`]: crate::Secret

use std::cell::Cell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::tree;

/// A key of a type's table: its name, in which `*` is any name and a last `**` all beneath, and what it takes.
pub(super) struct Leaf {
    pub(super) name: String,
    pub(super) kind: &'static str,
}

impl Leaf {
    pub(super) fn is_secret(&self) -> bool {
        self.kind == SECRET
    }
}

/// The keys of `T`, or what it is read from instead of a table.
pub(super) fn keys<T: DeserializeOwned>() -> Result<Vec<Leaf>, &'static str> {
    match look::<T>(&[]) {
        Node::Scalar(kind) => Err(kind),
        Node::Secret => Err("text"),
        Node::Nothing => Err("nothing"),
        Node::List => Err("a list"),
        Node::Struct(_) | Node::Map | Node::Enum(_) | Node::Unknown => {
            let mut leaves = Vec::new();
            walk::<T>(&mut Vec::new(), "", &mut leaves);
            leaves.retain(|leaf| !leaf.name.is_empty());
            Ok(leaves)
        }
    }
}

/// The kind of a key whose value is not shown.
const SECRET: &str = "Secret";
/// Beyond it, a type is taken for one that holds itself.
const DEEPEST: usize = 8;

/// What lies at a place in a type.
enum Node {
    Struct(&'static [&'static str]),
    /// Names of the user's choice.
    Map,
    List,
    /// One of these words, or a table of one.
    Enum(&'static [&'static str]),
    Scalar(&'static str),
    /// A word of an enum, which has no value.
    Nothing,
    Secret,
    /// Serde does not say, as of what is untagged or flattened; it may hold secrets.
    Unknown,
}

/// From a type to one within it.
#[derive(Clone, Copy)]
enum Step {
    Field(&'static str),
    Variant(&'static str),
    Entry,
    Item,
}

fn walk<T: DeserializeOwned>(path: &mut Vec<Step>, name: &str, leaves: &mut Vec<Leaf>) {
    let leaf = |name: &str, kind| Leaf { name: name.to_owned(), kind };
    let node = if path.len() < DEEPEST { look::<T>(path) } else { Node::Unknown };
    match node {
        Node::Struct(fields) => {
            for field in fields {
                step::<T>(path, Step::Field(field), &tree::join(name, field), leaves);
            }
        }
        Node::Map => step::<T>(path, Step::Entry, &beneath(name, "*"), leaves),
        Node::List => {
            let mut items = Vec::new();
            step::<T>(path, Step::Item, "item", &mut items);
            let secret = items.iter().any(Leaf::is_secret);
            leaves.push(leaf(name, if secret { SECRET } else { "list" }));
        }
        Node::Enum(variants) => {
            leaves.push(leaf(name, "word"));
            for variant in variants {
                step::<T>(path, Step::Variant(variant), &tree::join(name, variant), leaves);
            }
        }
        Node::Nothing => {}
        Node::Scalar(kind) => leaves.push(leaf(name, kind)),
        Node::Secret => leaves.push(leaf(name, SECRET)),
        Node::Unknown => leaves.extend([leaf(name, SECRET), leaf(&beneath(name, "**"), SECRET)]),
    }
}

fn beneath(name: &str, stars: &str) -> String {
    if name.is_empty() { stars.to_owned() } else { format!("{name}.{stars}") }
}

fn step<T: DeserializeOwned>(path: &mut Vec<Step>, step: Step, name: &str, leaves: &mut Vec<Leaf>) {
    path.push(step);
    walk::<T>(path, name, leaves);
    path.pop();
}

fn look<T: DeserializeOwned>(path: &[Step]) -> Node {
    let found = Cell::new(None);
    drop(T::deserialize(Probe { path, found: &found })); // what it has found counts, not how it ends
    found.take().unwrap_or(Node::Unknown) // the type has refused before it came to the place
}

/// A deserializer that goes along `path` and notes what is asked for at its end.
#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [Step],
    found: &'a Cell<Option<Node>>,
}

/// The end of every attempt.
#[derive(Debug)]
struct Looked;

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("looked at, not read")
    }
}

impl std::error::Error for Looked {}

impl de::Error for Looked {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self
    }
}

impl Probe<'_> {
    fn note<T>(self, node: Node) -> Result<T, Looked> {
        self.found.set(Some(if self.path.is_empty() { node } else { Node::Unknown }));
        Err(Looked)
    }

    fn next(self) -> Option<(Step, Self)> {
        let (step, path) = self.path.split_first()?;
        Some((*step, Self { path, ..self }))
    }
}

/// Methods of a [`Deserializer`] that ask for a value without parts.
macro_rules! scalars {
    ($($method:ident $kind:literal,)*) => { $(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Looked> {
            self.note(Node::Scalar($kind))
        }
    )* };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Looked;

    scalars! {
        deserialize_bool "true or false",
        deserialize_i8 "a number",
        deserialize_i16 "a number",
        deserialize_i32 "a number",
        deserialize_i64 "a number",
        deserialize_i128 "a number",
        deserialize_u8 "a number",
        deserialize_u16 "a number",
        deserialize_u32 "a number",
        deserialize_u64 "a number",
        deserialize_u128 "a number",
        deserialize_f32 "a number",
        deserialize_f64 "a number",
        deserialize_char "text",
        deserialize_str "text",
        deserialize_string "text",
        deserialize_bytes "bytes",
        deserialize_byte_buf "bytes",
        deserialize_identifier "text",
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Looked> {
        self.note(Node::Unknown)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Looked> {
        self.note(Node::Unknown)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Looked> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Looked> {
        self.note(Node::Nothing)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Looked> {
        self.note(Node::Nothing)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Looked> {
        if name == SECRET { self.note(Node::Secret) } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Looked> {
        match self.next() {
            Some((Step::Item, item)) => visitor.visit_seq(One { key: "", value: item }),
            _ => self.note(Node::List),
        }
    }

    /// Its parts differ, and only the first could be looked at: it may hold a secret.
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Looked> {
        self.note(Node::Unknown)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, _: V) -> Result<V::Value, Looked> {
        self.note(Node::Unknown)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Looked> {
        match self.next() {
            Some((Step::Entry, value)) => visitor.visit_map(One { key: "*", value }),
            _ => self.note(Node::Map),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Looked> {
        match self.next() {
            Some((Step::Field(key), value)) => visitor.visit_map(One { key, value }),
            _ => self.note(Node::Struct(fields)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Looked> {
        match self.next() {
            Some((Step::Variant(key), value)) => visitor.visit_enum(One { key, value }),
            _ => self.note(Node::Enum(variants)),
        }
    }
}

/// A table of one key, a list of one item, or a word.
struct One<'a> {
    key: &'static str,
    value: Probe<'a>,
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = Looked;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Looked> {
        seed.deserialize(StrDeserializer::new(self.key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Looked> {
        seed.deserialize(self.value)
    }
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Looked;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Looked> {
        seed.deserialize(self.value).map(Some)
    }
}

impl<'de> EnumAccess<'de> for One<'_> {
    type Error = Looked;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Looked> {
        Ok((seed.deserialize(StrDeserializer::new(self.key))?, self))
    }
}

impl<'de> VariantAccess<'de> for One<'_> {
    type Error = Looked;

    fn unit_variant(self) -> Result<(), Looked> {
        self.value.note(Node::Nothing)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Looked> {
        seed.deserialize(self.value)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Looked> {
        self.value.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Looked> {
        self.value.deserialize_struct("", fields, visitor)
    }
}

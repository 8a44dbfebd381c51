use std::borrow::Cow;
use std::fmt::Display;
use std::iter;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Visitor};
use serde_json::Value;

use super::access::{Choice, Entries, Items, Part};
use super::given::Given;
use super::number::{self, Integer};
use super::place::Step;
use super::reading::Reading;
use super::repairs::{Repair, Repairs};
use super::wrong::Wrong;

/// Reads what was given, with its repairs.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    given: Given<'a>,
    repairs: Option<&'a Repairs>,
    reading: &'a Reading,
}

impl<'a> Reader<'a> {
    pub(super) fn new(given: Given<'a>, repairs: Option<&'a Repairs>, reading: &'a Reading) -> Self {
        reading.count_part();
        let given = match repairs.and_then(Repairs::here) {
            None => given,
            Some(Repair::Absent) => Given::Absent,
            Some(Repair::Blank(text)) => Given::Blank(text),
            Some(Repair::Last) => Given::Blank(""),
        };
        Self { given, repairs, reading }
    }

    fn part(&self, step: Step<&'a str>, given: Given<'a>) -> Part<'a, Self> {
        let repairs = self.repairs.and_then(|repairs| repairs.within(step));
        Part { step: Some(step), reader: Self::new(given, repairs, self.reading) }
    }

    /// The fields of a table, those last that have to wait; with them what was missing and has a repair.
    fn entries(&self, given: Vec<(&'a str, Given<'a>)>) -> Entries<'a, Self> {
        let repaired = self.repairs.into_iter().flat_map(Repairs::fields);
        let missing = repaired.filter(|name| !self.has(name)).map(|name| (name, Given::Absent));
        let entry = |(name, given)| (name, self.part(Step::Field(name), given));
        let mut entries: Vec<_> = given.into_iter().chain(missing).map(entry).collect();
        if self.repairs.is_some_and(Repairs::waits) {
            entries.sort_by_key(|(_, part)| part.reader.repairs.is_some_and(Repairs::waits));
        }
        Entries::of(entries)
    }

    fn has(&self, field: &str) -> bool {
        match self.given {
            Given::Json(value) => value.get(field).is_some(),
            Given::Form(fields) => fields.contains_key(field),
            Given::Texts(_) | Given::Absent | Given::Blank(_) => false,
        }
    }

    fn table<'de, V: Visitor<'de>>(&self, blank: &'static [&'static str], visitor: V) -> Result<V::Value, Wrong> {
        let given = match self.given {
            Given::Json(Value::Object(fields)) => {
                fields.iter().map(|(name, value)| (name.as_str(), Given::Json(value))).collect()
            }
            Given::Form(fields) => fields.iter().map(|(name, values)| (name.as_str(), Given::Texts(values))).collect(),
            Given::Blank(text) => {
                self.reading.invent();
                blank.iter().map(|name| (*name, Given::Blank(text))).collect()
            }
            Given::Absent => return Err(Wrong::missing()),
            Given::Json(_) | Given::Texts(_) => return Err(Wrong::told("is not an object")),
        };
        visitor.visit_map(self.entries(given))
    }

    /// A list; of a form, the items have the name of their field. `blank` is how many it has if it is blank.
    fn list<'de, V: Visitor<'de>>(&self, blank: usize, visitor: V) -> Result<V::Value, Wrong> {
        let reader = *self;
        let numbered = move |(number, value)| reader.part(Step::Item(number), Given::Json(value));
        let of_form = move |given| Part { step: None, reader: Self::new(given, None, reader.reading) };
        let mut items = match self.given {
            Given::Json(Value::Array(items)) => Items::of(items.iter().enumerate().map(numbered)),
            Given::Texts(texts) => Items::of(texts.chunks(1).map(Given::Texts).map(of_form)),
            Given::Absent if blank > 0 => return Err(Wrong::missing()),
            Given::Absent => Items::of(iter::empty()),
            Given::Blank(_) => {
                self.reading.invent();
                Items::of(iter::repeat_n(self.given, blank).map(of_form))
            }
            Given::Json(_) | Given::Form(_) => return Err(Wrong::told("is not a list")),
        };
        let list = visitor.visit_seq(&mut items)?;
        items.end().map(|()| list)
    }

    /// The text of a field.
    fn text(&self) -> Result<&'a str, Wrong> {
        match self.given {
            Given::Json(Value::String(text)) => Ok(text),
            Given::Texts(texts) => texts.last().map(String::as_str).ok_or_else(Wrong::missing),
            Given::Blank(text) => {
                self.reading.invent();
                Ok(text)
            }
            Given::Absent => Err(Wrong::missing()),
            Given::Json(_) | Given::Form(_) => Err(Wrong::told("is not text")),
        }
    }

    /// What a number is read from, or the sentence that it is none.
    fn digits(&self, what: &'static str) -> Result<Cow<'a, str>, Wrong> {
        match self.given {
            Given::Json(Value::Number(number)) => Ok(number::of_json(number).into()),
            Given::Texts(_) => Ok(self.text()?.trim().into()),
            Given::Blank(_) => {
                self.reading.invent();
                Ok("0".into())
            }
            Given::Absent => Err(Wrong::missing()),
            Given::Json(_) | Given::Form(_) => Err(Wrong::told(what)),
        }
    }

    fn integer<N: Integer + Display>(&self) -> Result<N, Wrong> {
        number::integer(&self.digits(number::WHOLE)?)
    }

    fn float<N: FromStr + Into<f64> + Copy>(&self) -> Result<N, Wrong> {
        number::float(&self.digits(number::NUMBER)?)
    }

    /// A box of a form is checked, or not sent at all.
    fn boolean(&self) -> Result<bool, Wrong> {
        const WHAT: &str = "is not true or false";
        match self.given {
            Given::Json(Value::Bool(value)) => Ok(*value),
            Given::Texts(_) => is_checked(self.text()?).ok_or_else(|| Wrong::told(WHAT)),
            Given::Absent => Ok(false),
            Given::Blank(_) => {
                self.reading.invent();
                Ok(false)
            }
            Given::Json(_) | Given::Form(_) => Err(Wrong::told(WHAT)),
        }
    }

    fn is_none(&self) -> bool {
        match self.given {
            Given::Json(value) => value.is_null(),
            Given::Texts(texts) => texts.iter().all(|text| text.trim().is_empty()),
            Given::Absent | Given::Blank(_) => true,
            Given::Form(_) => false,
        }
    }

    fn choice(&self, choices: &'static [&'static str]) -> Result<Choice<'a, Self>, Wrong> {
        match self.given {
            Given::Json(Value::Object(fields)) if fields.len() == 1 => {
                let (name, value) = fields.iter().next().expect("it has one field");
                let value = self.part(Step::Field(name), Given::Json(value));
                Ok(Choice { name, value: Some(value) })
            }
            Given::Blank(_) => {
                self.reading.invent();
                let name = choices.first().copied().unwrap_or_default(); // there is nothing to choose
                Ok(Choice { name, value: None })
            }
            _ => Ok(Choice { name: self.text()?, value: None }),
        }
    }
}

/// What a box of a form says; `None` if it is no box.
pub(crate) fn is_checked(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "1" | "yes" => Some(true),
        "off" | "false" | "0" | "no" | "" => Some(false),
        _ => None,
    }
}

/// Methods of a [`Deserializer`] that ask for an integer.
macro_rules! integers {
    ($($method:ident $visit:ident $kind:ident,)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            visitor.$visit(self.integer::<$kind>()?)
        }
    )* };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Wrong;

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.given {
            Given::Json(Value::Null) => visitor.visit_unit(),
            Given::Json(Value::Bool(value)) => visitor.visit_bool(*value),
            Given::Json(Value::Number(number)) => number.deserialize_any(visitor).map_err(Wrong::custom),
            Given::Json(Value::Array(_)) => self.list(0, visitor),
            Given::Json(Value::Object(_)) | Given::Form(_) => self.table(&[], visitor),
            Given::Json(Value::String(_)) | Given::Texts(_) | Given::Blank(_) | Given::Absent => {
                visitor.visit_str(self.text()?)
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_f32(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let text = self.text()?;
        visitor.visit_str(if let Given::Blank(_) = self.given { " " } else { text })
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bytes(self.text()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.is_none() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.is_none() { visitor.visit_unit() } else { Err(Wrong::told("is not expected")) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.list(0, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.list(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.list(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.table(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.reading.names.learn(fields);
        self.table(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        choices: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_enum(self.choice(choices)?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    /// Whatever it is, also what a form lacks.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }
}

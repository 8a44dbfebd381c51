//! Reads what a client has sent as a value of a program's type, and tells of every field that is wrong, not of the first
//! alone.
//!
//! Serde ends at the first error. So the value is read again and again, each time with something harmless in the place of
//! the fields that were wrong before, until nothing is wrong that has not been told. The rules of garde, which want a whole
//! value, are then asked about it; what they say of a field that was invented is left out.

mod access;
mod given;
mod names;
mod number;
mod place;
mod reader;
mod reading;
mod repairs;
mod sentences;
mod wrong;

use foobar_core::panics;
use garde::{Report, Validate};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::field_errors::FieldErrors;

use given::Given;
use place::Step;
use reader::Reader;
use reading::Reading;
use repairs::{Repair, Repairs};
use wrong::{What, Wrong};

pub(crate) use given::Fields;
pub(crate) use reader::is_checked;
pub(crate) use sentences::in_sentences;

/// The most fields that are told.
const MOST: usize = 32;
/// How often something is repaired at most; that a form lacks a field does not count, since it may.
const REPAIRS: usize = 100;
/// How many fields and items are read at most to tell of others than the first that is wrong.
const PARTS: usize = 100_000;

/// The value of a form, or what is wrong with which fields.
pub(crate) fn of_form<T>(fields: &Fields) -> Result<T, FieldErrors>
where
    T: DeserializeOwned + Validate<Context: Default>,
{
    let (value, mut errors) = Input::new(Given::Form(fields)).read::<T>();
    match value {
        Some(value) if errors.is_empty() => Ok(value),
        _ => {
            tell_something(&mut errors);
            Err(errors)
        }
    }
}

/// What is wrong with which fields of JSON that serde_json does not take as a `T`.
pub(crate) fn wrong_in_json<T>(body: &Value) -> FieldErrors
where
    T: DeserializeOwned + Validate<Context: Default>,
{
    let (_value, mut errors) = Input::new(Given::Json(body)).read::<T>(); // serde_json is the stricter one
    tell_something(&mut errors);
    errors
}

/// Which rules the fields of JSON break that serde_json has taken as a `T`.
pub(crate) fn broken_in_json<T: DeserializeOwned>(body: &Value, report: &Report) -> FieldErrors {
    let (given, reading) = (Given::Json(body), Reading::default());
    let _names_alone = T::deserialize(Reader::new(given, None, &reading)).is_ok(); // the value is that of serde_json
    let mut errors = FieldErrors::default();
    tell_rules(report, given, &reading, &mut errors);
    errors
}

/// What is not taken has a reason.
fn tell_something(errors: &mut FieldErrors) {
    if errors.is_empty() {
        errors.add("", "is invalid");
    }
}

fn tell_rules(report: &Report, given: Given<'_>, reading: &Reading, errors: &mut FieldErrors) {
    let told = errors.clone();
    for (path, error) in report.iter().take(MOST) {
        let field = reading.names.shown(&path.to_string(), given);
        if !is_told(&told, &field) {
            errors.add(field, error.message());
        }
    }
}

/// Whether the field, or one that it is in, is wrong already; of the whole, whether anything is.
fn is_told(told: &FieldErrors, field: &str) -> bool {
    let ends = field.match_indices(['.', '[']).map(|(at, _)| at);
    let is_within = ends.chain([0, field.len()]).any(|end| !told.of(&field[..end]).is_empty());
    if field.is_empty() { !told.is_empty() } else { is_within }
}

/// Asks the rules. One of the application's own may panic at what nobody has sent; then they wait.
fn validate<T: Validate<Context: Default>>(value: &T, reading: &Reading) -> Result<(), Report> {
    in_sentences(|| match reading.has_invented() {
        true => panics::catch(|| value.validate()).unwrap_or(Ok(())),
        false => value.validate(),
    })
}

/// What was sent, and what is known of it.
struct Input<'a> {
    given: Given<'a>,
    repairs: Repairs,
    errors: FieldErrors,
    told: usize,
    repaired: usize,
    parts: usize,
}

impl<'a> Input<'a> {
    fn new(given: Given<'a>) -> Self {
        let (repairs, errors) = (Repairs::default(), FieldErrors::default());
        Self { given, repairs, errors, told: 0, repaired: 0, parts: 0 }
    }

    /// The value with its repairs, and what is wrong; without a value where a field can neither be read nor be replaced.
    fn read<T>(mut self) -> (Option<T>, FieldErrors)
    where
        T: DeserializeOwned + Validate<Context: Default>,
    {
        loop {
            let reading = Reading::default();
            let read = T::deserialize(Reader::new(self.given, Some(&self.repairs), &reading));
            self.parts += reading.parts();
            match read {
                Ok(value) => {
                    if let Err(report) = validate(&value, &reading) {
                        tell_rules(&report, self.given, &reading, &mut self.errors);
                    }
                    return (Some(value), self.errors);
                }
                Err(wrong) => {
                    if self.repair(&wrong).is_none() {
                        return (None, self.errors);
                    }
                }
            }
        }
    }

    /// Tells what is wrong, and repairs it; `None` where it is not worth another reading.
    fn repair(&mut self, wrong: &Wrong) -> Option<()> {
        let way = wrong.way();
        let repair = match (self.repairs.of(&way), &wrong.what) {
            (None, What::Missing) if self.given.may_lack(&way) => Repair::Absent,
            (None | Some(Repair::Absent), what) => {
                self.tell(&way, what)?;
                Repair::FIRST
            }
            (Some(repair), _) => repair.next()?,
        };
        self.repaired += usize::from(repair != Repair::Absent);
        self.repairs.set(way, repair);
        let is_enough = self.told > 0 && (self.repaired > REPAIRS || self.parts > PARTS);
        (!is_enough).then_some(())
    }

    /// `None` where enough has been told. The whole is told of only where no field can be named.
    fn tell(&mut self, way: &[Step], what: &What) -> Option<()> {
        if self.told == MOST || (way.is_empty() && self.told > 0) {
            return None;
        }
        let field = place::shown(way);
        let what = if self.given.is_left_empty(&field) { &What::Missing } else { what };
        tracing::debug!(field, reason = what.reason(), "a field is refused");
        self.errors.add(&field, what.words());
        self.told += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests;

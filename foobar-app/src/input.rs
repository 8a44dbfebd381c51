//! Reads what a client has sent as a value of a program's type, and tells of every field that is wrong, not of the first
//! alone.
//!
//! Serde ends at the first error. So the value is read again and again, each time with something harmless in the place of
//! the fields that were wrong before, until nothing is wrong that has not been told. The rules of garde, which want a whole
//! value, are then asked about the same fields' neighbours too.

mod access;
mod names;
mod place;
mod reader;
mod repairs;
mod wrong;

use garde::Validate;
use serde::de::DeserializeOwned;

use crate::field_errors::FieldErrors;

use reader::Reader;
use repairs::{Repair, Repairs};
use wrong::What;

pub(crate) use reader::{Fields, Given, is_checked};

/// The most fields that are told.
const MOST: usize = 32;
/// How often it is read at most: each field that is told costs one reading, and a few more where it takes no empty text.
const READINGS: usize = 100;

/// The value, or what is wrong with which fields.
pub(crate) fn read<T>(given: Given<'_>) -> Result<T, FieldErrors>
where
    T: DeserializeOwned + Validate<Context: Default>,
{
    let is_form = matches!(given, Given::Form(_));
    let (mut repairs, mut errors) = (Repairs::default(), FieldErrors::default());
    let value = repaired::<T>(given, &mut repairs, &mut errors);
    if let Some(Err(report)) = value.as_ref().map(Validate::validate) {
        for (path, error) in report.iter().take(MOST) {
            let field = repairs.names().shown(&path.to_string());
            if !repairs.has_told(&field) {
                errors.add(if is_form { place::field(&field) } else { &field }, error.message());
            }
        }
    }
    value.filter(|_| errors.is_empty()).ok_or(errors)
}

/// The value with its repairs; `None` where a field can neither be read nor be replaced.
fn repaired<T: DeserializeOwned>(given: Given<'_>, repairs: &mut Repairs, errors: &mut FieldErrors) -> Option<T> {
    let mut told = 0;
    for _ in 0..READINGS {
        let wrong = match T::deserialize(Reader::new(given, repairs)) {
            Ok(value) => return Some(value),
            Err(wrong) => wrong,
        };
        let path = wrong.path();
        let repair = match (repairs.of(&path), wrong.what) {
            (None, What::Missing) if matches!(given, Given::Form(_)) => Repair::Absent,
            (None | Some(Repair::Absent), _) if told == MOST => return None,
            (None | Some(Repair::Absent), what) => {
                let what = if given.is_left_empty(&path) { What::Missing } else { what };
                tracing::debug!(field = path, reason = what.reason(), "a field is refused");
                errors.add(&path, what.words());
                told += 1;
                Repair::FIRST
            }
            (Some(repair), _) => repair.next()?,
        };
        repairs.set(path, repair);
    }
    None
}

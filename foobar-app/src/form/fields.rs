use std::fmt;

use crate::Error;
use crate::field_errors::FieldErrors;
use crate::input::{Fields, is_checked};

/// What a template needs to show a form: what was typed into each field, and what is wrong with it.
///
/// `FormFields::default()` is the empty form, and one that is there to be changed is made of what it has now:
///
/// ```
/// # use foobar_app as foobar;
/// use foobar::FormFields;
///
/// let mut form = FormFields::from_iter([("name", "Ann"), ("color", "red")]);
/// assert_eq!(form.value("name"), "Ann");
/// assert!(form.has("color", "red") && form.is_valid());
/// form.add_error("name", "is taken");
/// assert_eq!(form.errors("name"), ["is taken"]);
/// ```
#[derive(Clone, Default)]
pub struct FormFields {
    typed: Fields,
    errors: FieldErrors,
}

impl FormFields {
    pub(super) fn new(typed: Fields) -> Self {
        Self { typed, errors: FieldErrors::default() }
    }

    pub(super) const fn typed(&self) -> &Fields {
        &self.typed
    }

    /// How many fields there are; one that is there several times counts as often.
    pub(super) fn len(&self) -> usize {
        self.typed.values().map(Vec::len).sum()
    }

    pub(super) fn set_errors(&mut self, errors: FieldErrors) {
        self.errors = errors;
    }

    /// What was typed into a field; of several values the last, and an empty text if there is none.
    pub fn value(&self, field: &str) -> &str {
        self.values(field).last().map_or("", String::as_str)
    }

    /// All values of a field, in their order.
    pub fn values(&self, field: &str) -> &[String] {
        self.typed.get(field).map_or(&[], Vec::as_slice)
    }

    /// Whether a field has this among its values: an option that was selected, a box among others that was checked.
    pub fn has(&self, field: &str, value: &str) -> bool {
        self.values(field).iter().any(|typed| typed == value)
    }

    /// Whether a checkbox, which is a `bool`, was checked.
    pub fn is_checked(&self, field: &str) -> bool {
        is_checked(self.value(field)) == Some(true)
    }

    /// What is wrong with a field, each in a sentence without its name: "is required". What is wrong with the whole has the
    /// name `""`.
    pub fn errors(&self, field: &str) -> &[String] {
        self.errors.of(field)
    }

    /// What is wrong with all fields.
    pub const fn all_errors(&self) -> &FieldErrors {
        &self.errors
    }

    /// Whether nothing is wrong.
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// Adds what only the program knows: that a name is taken.
    pub fn add_error(&mut self, field: &str, sentence: impl Into<String>) {
        self.errors.add(field, sentence);
    }

    /// 422 with the fields that are wrong, for a program that has sent the form: [`FieldErrors::to_error`].
    pub fn to_error(&self) -> Error {
        self.errors.to_error()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for FormFields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut typed = Fields::new();
        for (name, value) in fields {
            typed.entry(name.into()).or_default().push(value.into());
        }
        Self::new(typed)
    }
}

/// Without what was typed, which may be a password.
impl fmt::Debug for FormFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.typed.keys().collect();
        f.debug_struct("FormFields").field("typed", &names).field("errors", &self.errors).finish()
    }
}

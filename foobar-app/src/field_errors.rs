use std::collections::BTreeMap;

use serde::Serialize;

use crate::Error;

/// What is wrong with the fields of a form or of a JSON body: for each field the sentences to be shown beside it.
///
/// A field in another one is named with its way, as in `address.city` and `items[2].price`; what is wrong with the whole has
/// the name `""`. As JSON it is `{"name": ["is required"]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FieldErrors(BTreeMap<String, Vec<String>>);

impl FieldErrors {
    /// Adds a sentence to those of `field`.
    pub fn add(&mut self, field: impl Into<String>, sentence: impl Into<String>) {
        self.0.entry(field.into()).or_default().push(sentence.into());
    }

    /// The sentences of `field`.
    pub fn of(&self, field: &str) -> &[String] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each field with its sentences, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(field, sentences)| (field.as_str(), sentences.as_slice()))
    }

    /// 422 with the member `errors`, for programs: `{"errors": {"name": ["is required"]}, …}`.
    pub fn to_error(&self) -> Error {
        Error::unprocessable("Some fields are missing or wrong.").with("errors", self)
    }
}

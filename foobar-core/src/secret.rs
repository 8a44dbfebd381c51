use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A text that must not be shown: a password, a key, a URL that holds one.
///
/// It has no `Serialize` and no `Display`, and its `Debug` is `***`. In a section of the configuration it is found by
/// its name, which serde is told, and not printed; an empty one is refused there, as an unset variable of a shell would
/// give it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

pub(crate) const EMPTY: &str = "an empty secret protects nothing: give it a text, or leave it out";

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, text: D) -> Result<Secret, D::Error> {
                self.visit_str::<D::Error>(&String::deserialize(text)?)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
                if text.is_empty() {
                    return Err(E::custom(EMPTY));
                }
                Ok(Secret::new(text))
            }
        }

        deserializer.deserialize_newtype_struct("Secret", Text)
    }
}

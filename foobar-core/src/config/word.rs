use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A word of a [`choice!`](crate::choice), where TOML may have `true` and `false` for the words of that name.
pub struct Word(String);

impl Word {
    /// The word itself.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OrBoolean;

        impl Visitor<'_> for OrBoolean {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Word, E> {
                Ok(Word(word.to_owned()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Word, E> {
                Ok(Word(value.to_string()))
            }
        }

        deserializer.deserialize_str(OrBoolean)
    }
}

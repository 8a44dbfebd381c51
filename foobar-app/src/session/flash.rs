use serde::{Deserialize, Serialize};

/// A message for the next page that a visitor sees; see [`Session::flash`](crate::Session::flash).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// What it is, such as `"notice"` or `"error"`: a class in the page.
    pub kind: String,
    /// The sentence. It is text, not markup.
    pub text: String,
}

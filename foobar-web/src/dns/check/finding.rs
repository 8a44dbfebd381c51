/// What has been found: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is as it should be.
    Good(String),
    /// It may be meant so.
    Note(String),
    /// It is wrong; the sentence says what to do.
    Wrong(String),
}

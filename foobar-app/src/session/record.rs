use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is kept of one session. Times are seconds since 1970, in UTC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// What the application has put in.
    pub values: Map<String, Value>,
    /// Who is signed in.
    pub user: Option<i64>,
    /// When it began.
    pub created: i64,
    /// When it was used last, to about five minutes.
    pub seen: i64,
    /// When it ends if it is not used.
    pub expires: i64,
    /// A number of the store's own that tells a session from what it was before.
    #[serde(skip)]
    pub version: i64,
}

/// What a request changes in a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionChange {
    /// The values that it has put in, and `None` for those that it has removed.
    pub values: BTreeMap<String, Option<Value>>,
    /// Who is signed in from now on, where that changes.
    pub user: Option<Option<i64>>,
    /// Whether the session goes on under a new token, and the old one is dead.
    pub rotate: bool,
    /// When it was used.
    pub seen: i64,
    /// When it ends if it is not used again.
    pub expires: i64,
}

impl SessionChange {
    /// Does to `record` what the request has done, key by key.
    pub fn apply(&self, record: &mut SessionRecord) {
        for (key, value) in &self.values {
            match value {
                Some(value) => _ = record.values.insert(key.clone(), value.clone()),
                None => _ = record.values.remove(key),
            }
        }
        if let Some(user) = self.user {
            record.user = user;
        }
        (record.seen, record.expires) = (self.seen, self.expires);
    }

    /// Whether it is only that the session was used.
    pub fn is_touch(&self) -> bool {
        self.values.is_empty() && self.user.is_none() && !self.rotate
    }
}

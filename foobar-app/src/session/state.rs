use std::collections::BTreeMap;

use serde_json::Value;

use super::record::{SessionChange, SessionRecord};

/// A session that the handler has asked for.
#[derive(Clone)]
pub(super) struct State {
    /// As the store has it; `None` for a visitor who has none.
    pub(super) kept: Option<SessionRecord>,
    /// As the handler sees it.
    pub(super) record: SessionRecord,
    pub(super) values: BTreeMap<String, Option<Value>>,
    pub(super) user: Option<Option<i64>>,
    pub(super) rotate: bool,
    /// Whether the rights of who is signed in are others than those of the sign-in.
    pub(super) renew: bool,
    pub(super) purge: bool,
}

impl State {
    pub(super) fn of(kept: Option<SessionRecord>, now: i64) -> Self {
        let new = || SessionRecord { created: now, seen: now, ..SessionRecord::default() };
        let record = kept.clone().unwrap_or_else(new);
        Self { kept, record, values: BTreeMap::new(), user: None, rotate: false, renew: false, purge: false }
    }

    pub(super) fn set(&mut self, key: &str, value: Option<Value>) {
        if value.is_some() && self.is_kept(key, value.as_ref()) {
            return;
        }
        match &value {
            Some(value) => _ = self.record.values.insert(key.to_owned(), value.clone()),
            None => _ = self.record.values.remove(key),
        }
        self.values.insert(key.to_owned(), value);
    }

    /// Changes who is signed in; the token from before is dead.
    pub(super) fn set_user(&mut self, user: Option<i64>, now: i64) {
        if let Some(user) = user {
            self.pass_to(user, now);
        }
        self.record.user = user;
        (self.user, self.rotate) = (Some(user), true);
        if user.is_some() {
            self.record.created = now; // a life of its own, however long the visitor was nobody
        }
        for key in [CSRF, PASSWORD, RIGHTS, SECOND_FACTOR] {
            self.set(key, None); // a token of forms that is known from before is worth nothing either
        }
    }

    /// Forgets what another user has left. What a visitor has put in who was nobody stays.
    pub(super) fn pass_to(&mut self, user: i64, now: i64) {
        if self.record.owner().is_some_and(|other| other != user) {
            self.purge(now);
        }
    }

    /// Forgets all of it; what is put in afterwards begins a new session.
    pub(super) fn purge(&mut self, now: i64) {
        *self = Self { purge: true, kept: self.kept.take(), ..Self::of(None, now) };
    }

    /// Whether this is the value of `key` already, in the store too.
    fn is_kept(&self, key: &str, value: Option<&Value>) -> bool {
        let is_as_loaded = self.kept.as_ref().is_some_and(|kept| kept.version != UNKNOWN);
        is_as_loaded && !self.values.contains_key(key) && self.record.values.get(key) == value
    }

    /// Whether nothing is lost that a visitor has done where it is not kept: that the session was used, messages for the
    /// next page, and a new token for other rights, which the next request gets.
    pub(super) fn is_incidental(&self) -> bool {
        let is_incidental = |key: &String| [FLASHES, RIGHTS].contains(&key.as_str());
        !self.purge && !self.rotate && self.user.is_none() && self.values.keys().all(is_incidental)
    }

    /// What has changed since it was `kept`; with the times of `used` where they are to be written.
    pub(super) fn change_of(&self, kept: &SessionRecord, used: Option<SessionRecord>) -> SessionChange {
        let (seen, expires) = used.map_or((kept.seen, kept.expires), |used| (used.seen, used.expires));
        SessionChange {
            values: self.values.clone(),
            user: self.user,
            rotate: self.rotate || self.renew,
            seen,
            expires,
            created: (self.record.created != kept.created).then_some(self.record.created),
        }
    }
}

/// The version of a row that is not known: no row has it.
pub(super) const UNKNOWN: i64 = -1;

/// Where a session has the token of its forms.
pub(super) const CSRF: &str = "_csrf";

/// Where a session has the fingerprint of the password that its user has signed in by.
pub(super) const PASSWORD: &str = "_password";

/// Where a session has the rights that its user had when they were looked at last.
pub(super) const RIGHTS: &str = "_rights";

/// Where a session has the messages for the next page.
pub(super) const FLASHES: &str = "_flashes";

/// Where a session has whose password was right, while the second factor is awaited: an object with the `account`.
pub(crate) const SECOND_FACTOR: &str = "_second_factor";

impl SessionRecord {
    /// Whose it is, or will be after the second step of a sign-in.
    pub(super) fn owner(&self) -> Option<i64> {
        self.user.or_else(|| self.values.get(SECOND_FACTOR)?.get("account")?.as_i64())
    }
}

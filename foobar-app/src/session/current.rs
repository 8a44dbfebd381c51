use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use foobar_core::{BoxError, Scheme};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::layer::SessionLayer;
use super::record::{SessionChange, SessionRecord};
use super::store::Updated;

/// The session of one request: read when the handler asks for it, and kept once the handler has answered.
pub(crate) struct Current {
    pub(super) layer: Arc<SessionLayer>,
    scheme: Scheme,
    /// What the request has brought.
    token: Option<String>,
    state: RefCell<Option<State>>,
    /// Nothing that happens afterwards is kept.
    is_answered: Cell<bool>,
}

/// A session that the handler has asked for.
#[derive(Clone)]
struct State {
    /// As the store has it; `None` for a visitor who has none.
    kept: Option<SessionRecord>,
    /// As the handler sees it.
    record: SessionRecord,
    values: BTreeMap<String, Option<Value>>,
    user: Option<Option<i64>>,
    rotate: bool,
    purge: bool,
}

/// What an answer tells the browser of its session.
pub(crate) enum Told {
    /// The answer does not depend on it.
    Nothing,
    /// The answer depends on it.
    Varies,
    /// And the browser keeps, or forgets, a cookie.
    Cookie(HeaderValue),
}

impl Current {
    /// That of a request with these fields, over this scheme.
    pub(crate) fn of(layer: &Arc<SessionLayer>, request: &HeaderMap, scheme: Scheme) -> Rc<Self> {
        let token = layer.cookie(scheme).token(request);
        Rc::new(Self {
            layer: Arc::clone(layer),
            scheme,
            token,
            state: RefCell::default(),
            is_answered: Cell::default(),
        })
    }

    /// Reads the session, the first time.
    pub(crate) async fn load(&self) -> Result<(), BoxError> {
        if self.state.borrow().is_some() {
            return Ok(());
        }
        let now = self.layer.now();
        let found = match &self.token {
            Some(token) => self.layer.store.load(token).await?,
            None => None,
        };
        let kept = found.filter(|record| self.layer.is_alive(record, now));
        self.state.borrow_mut().get_or_insert_with(|| State::of(kept, now));
        Ok(())
    }

    pub(super) fn record(&self) -> Ref<'_, SessionRecord> {
        Ref::map(self.state.borrow(), |state| &state.as_ref().expect(LOADED).record)
    }

    pub(super) fn set(&self, key: &str, value: Option<Value>) {
        self.change(|state| {
            match &value {
                Some(value) => _ = state.record.values.insert(key.to_owned(), value.clone()),
                None => _ = state.record.values.remove(key),
            }
            state.values.insert(key.to_owned(), value);
        });
    }

    /// Changes who is signed in; the token from before is dead.
    pub(super) fn set_user(&self, user: Option<i64>) {
        if let Some(user) = user {
            self.pass_to(user);
        }
        self.change(|state| {
            state.record.user = user;
            (state.user, state.rotate) = (Some(user), true);
        });
        self.set(CSRF, None); // one that is known from before is worth nothing either
        self.set(PASSWORD, None);
        self.set(SECOND_FACTOR, None);
    }

    /// Forgets what another user has left. What a visitor has put in who was nobody stays.
    pub(super) fn pass_to(&self, user: i64) {
        let of = self.record().owner();
        if of.is_some_and(|other| other != user) {
            self.purge();
        }
    }

    pub(super) fn rotate(&self) {
        self.change(|state| state.rotate = true);
    }

    /// Forgets all of it; what is put in afterwards begins a new session.
    pub(super) fn purge(&self) {
        let now = self.layer.now();
        self.change(|state| *state = State { purge: true, kept: state.kept.take(), ..State::of(None, now) });
    }

    /// Nothing once the answer is given, as from a body that streams: it comes too late.
    fn change(&self, change: impl FnOnce(&mut State)) {
        if self.is_answered.get() {
            return;
        }
        change(self.state.borrow_mut().as_mut().expect(LOADED));
    }

    /// The token of a session that is kept.
    pub(super) fn token(&self) -> Option<&str> {
        self.state.borrow().as_ref().and_then(|state| state.kept.as_ref()).and(self.token.as_deref())
    }

    /// Whether it is this session whose forms have `token`.
    pub(crate) async fn has_csrf_token(&self, token: &str) -> Result<bool, BoxError> {
        self.load().await?;
        let record = self.record();
        let known = record.values.get(CSRF).and_then(Value::as_str);
        Ok(known.is_some_and(|known| verify_slices_are_equal(known.as_bytes(), token.as_bytes()).is_ok()))
    }

    /// Keeps what the request has changed, where it has.
    pub(crate) async fn keep(&self) -> Result<Told, BoxError> {
        if self.is_answered.replace(true) {
            return Ok(Told::Nothing);
        }
        if self.is_unchanged() {
            return Ok(Told::Varies);
        }
        let Some(state) = self.state.borrow().clone() else { return Ok(Told::Nothing) };
        let token = self.token.as_deref().unwrap_or_default(); // there is one where anything is kept
        let is_empty = state.record.values.is_empty() && state.record.user.is_none();
        if state.purge && state.kept.is_some() {
            self.layer.store.remove(token).await?;
        }
        match state.kept {
            None if is_empty => Ok(Told::Varies),
            Some(_) if state.purge && is_empty => Ok(Told::Cookie(self.layer.cookie(self.scheme).unset())),
            Some(kept) if !state.purge => {
                let signs_in = state.record.owner().is_some() && state.user.is_some();
                let State { values, user, rotate, .. } = state;
                let change = SessionChange { values, user, rotate, ..self.used(&kept, rotate) };
                match self.update(token, kept, change).await? {
                    Some(told) => Ok(told),
                    None if signs_in => self.create(state.record).await, // of a double click, only this answer is seen
                    None => Ok(Told::Varies), // another request has told the browser that it is gone
                }
            }
            _ => self.create(state.record).await,
        }
    }

    /// Whether it is as the store has it, and need not be told that it was used.
    fn is_unchanged(&self) -> bool {
        self.state.borrow().as_ref().is_some_and(|state| {
            let is_changed = state.purge || state.rotate || state.user.is_some() || !state.values.is_empty();
            let is_current = |kept| !self.layer.is_touched(kept, self.layer.now());
            !is_changed && state.kept.as_ref().is_some_and(is_current)
        })
    }

    async fn create(&self, record: SessionRecord) -> Result<Told, BoxError> {
        let now = self.layer.now();
        let record = SessionRecord { seen: now, expires: self.layer.expiry(record.created, now), ..record };
        let token = self.layer.store.create(record).await?;
        Ok(Told::Cookie(self.layer.cookie(self.scheme).set(&token)))
    }

    /// `None` of a session that has ended meanwhile.
    async fn update(&self, token: &str, kept: SessionRecord, change: SessionChange) -> Result<Option<Told>, BoxError> {
        Ok(match self.layer.store.update(token, kept, change).await? {
            Updated::Renewed(token) => Some(Told::Cookie(self.layer.cookie(self.scheme).set(&token))),
            Updated::Kept => Some(Told::Varies),
            Updated::Gone => None,
        })
    }

    /// That it is used, with times that are written only now and then.
    fn used(&self, kept: &SessionRecord, rotate: bool) -> SessionChange {
        let now = self.layer.now();
        let (seen, expires) = match rotate || self.layer.is_touched(kept, now) {
            true => (now, self.layer.expiry(kept.created, now)),
            false => (kept.seen, kept.expires),
        };
        SessionChange { seen, expires, ..SessionChange::default() }
    }
}

/// Where a session has the token of its forms.
pub(super) const CSRF: &str = "_csrf";

/// Where a session has the fingerprint of the password that its user has signed in by.
pub(super) const PASSWORD: &str = "_password";

/// Where a session has whose password was right, while the second factor is awaited: an object with the `account`.
pub(crate) const SECOND_FACTOR: &str = "_second_factor";

impl SessionRecord {
    /// Whose it is, or will be after the second step of a sign-in.
    fn owner(&self) -> Option<i64> {
        self.user.or_else(|| self.values.get(SECOND_FACTOR)?.get("account")?.as_i64())
    }
}

const LOADED: &str = "a `Session` is loaded before a handler has it";

impl State {
    fn of(kept: Option<SessionRecord>, now: i64) -> Self {
        let new = || SessionRecord { created: now, seen: now, ..SessionRecord::default() };
        let record = kept.clone().unwrap_or_else(new);
        Self { kept, record, values: BTreeMap::new(), user: None, rotate: false, purge: false }
    }
}

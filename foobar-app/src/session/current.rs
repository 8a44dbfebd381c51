use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use foobar_core::{BoxError, Chain, Scheme};
#[cfg(feature = "accounts")]
use foobar_db::{Conn, QueryResult};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::keeping::Keeping;
use super::layer::SessionLayer;
use super::record::{SessionChange, SessionRecord};
#[cfg(feature = "accounts")]
use super::row::Row;
use super::store::Updated;
#[cfg(feature = "accounts")]
use super::token;
use super::unfinished::Unfinished;
use crate::Error;

/// The session of one request: read when the handler asks for it, and kept once the handler has answered.
pub(crate) struct Current {
    pub(super) layer: Arc<SessionLayer>,
    scheme: Scheme,
    /// What the request has brought, or the session has got since.
    token: RefCell<Option<String>>,
    state: RefCell<Option<State>>,
    /// What the browser has to keep of what is kept already.
    cookie: Cell<Option<HeaderValue>>,
    /// Why the request has no answer of its handler's.
    failure: Cell<Option<Error>>,
    /// Of whoever waits for the answer of the handler.
    waiting: Cell<Option<Waker>>,
    /// What is being kept.
    unfinished: Unfinished<Rc<Self>>,
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
    /// Whether the rights of who is signed in are others than those of the sign-in.
    renew: bool,
    purge: bool,
}

/// A change that is not made yet; see [`Current::draft`].
#[cfg(feature = "accounts")]
#[derive(Clone)]
pub(crate) struct Draft {
    state: State,
    /// Its row, where the session is one.
    row: Option<Row>,
}

#[cfg(feature = "accounts")]
impl Draft {
    /// Writes the session, where it is a row; `None` where it is kept elsewhere, once the handler has answered.
    pub(crate) fn write(&self, conn: &mut Conn) -> QueryResult<Option<Updated>> {
        self.row.as_ref().map(|row| row.write(conn)).transpose()
    }
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

/// What has become of the changes of a request.
pub(super) enum Saved {
    /// All that matter are kept.
    All,
    /// The session has ended meanwhile.
    Lost,
}

impl Current {
    /// That of a request with these fields, over this scheme.
    pub(crate) fn of(layer: &Arc<SessionLayer>, request: &HeaderMap, scheme: Scheme) -> Rc<Self> {
        let token = layer.cookie(scheme).token(request);
        Rc::new(Self {
            layer: Arc::clone(layer),
            scheme,
            token: RefCell::new(token),
            state: RefCell::default(),
            cookie: Cell::default(),
            failure: Cell::default(),
            waiting: Cell::default(),
            unfinished: Unfinished::default(),
            is_answered: Cell::default(),
        })
    }

    /// Reads the session, the first time.
    pub(crate) async fn load(&self) -> Result<(), BoxError> {
        if self.state.borrow().is_some() {
            return Ok(());
        }
        let now = self.layer.now();
        let token = self.token.borrow().clone();
        let found = match token {
            Some(token) => self.layer.store.load(&token).await?,
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
            if value.is_some() && state.is_kept(key, value.as_ref()) {
                return;
            }
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
        let now = self.layer.now();
        self.change(|state| {
            state.record.user = user;
            (state.user, state.rotate) = (Some(user), true);
            if user.is_some() {
                state.record.created = now; // a life of its own, however long the visitor was nobody
            }
        });
        for key in [CSRF, PASSWORD, RIGHTS, SECOND_FACTOR] {
            self.set(key, None); // a token of forms that is known from before is worth nothing either
        }
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

    /// Notes the rights that who is signed in has now, under a new token.
    #[cfg(feature = "accounts")]
    pub(super) fn renew(&self, rights: &str) {
        self.set(RIGHTS, Some(rights.into()));
        self.change(|state| state.renew = true);
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
    pub(super) fn token(&self) -> Option<String> {
        let is_kept = self.state.borrow().as_ref().is_some_and(|state| state.kept.is_some());
        self.token.borrow().clone().filter(|_| is_kept)
    }

    /// Whether it is this session whose forms have `token`.
    pub(crate) async fn has_csrf_token(&self, token: &str) -> Result<bool, BoxError> {
        self.load().await?;
        let record = self.record();
        let known = record.values.get(CSRF).and_then(Value::as_str);
        Ok(known.is_some_and(|known| verify_slices_are_equal(known.as_bytes(), token.as_bytes()).is_ok()))
    }

    /// Keeps what the request has changed, where it has; what the browser is told.
    pub(crate) async fn keep(self: &Rc<Self>) -> Result<Told, BoxError> {
        self.finish().await; // the handler may wait for it no longer
        if self.is_answered.replace(true) || self.state.borrow().is_none() {
            return Ok(Told::Nothing);
        }
        let _lost_too = self.save().await?; // the answer is of a request that the end has overtaken
        Ok(self.told(Told::Varies))
    }

    /// Brings to its end what is being kept.
    pub(crate) async fn finish(self: &Rc<Self>) {
        self.unfinished.finish(self).await;
    }

    /// Gives what `finish` makes of the outcome of `work`, which changes what is kept; it comes to its end where the
    /// handler is cut off too.
    pub(super) async fn to_its_end<W: 'static, T: 'static>(
        self: &Rc<Self>,
        work: impl Future<Output = W> + 'static,
        finish: impl FnOnce(&Rc<Self>, W) -> T + 'static,
    ) -> T {
        self.unfinished.run(self, work, finish).await
    }

    #[cfg(all(test, feature = "accounts"))]
    pub(super) fn is_being_kept(&self) -> bool {
        self.unfinished.is_some()
    }

    /// Keeps nothing more; what the browser is told of what is kept already.
    pub(crate) fn end(&self) -> Told {
        self.is_answered.set(true);
        self.told(Told::Nothing)
    }

    /// What the browser has to know of what is kept already; else `otherwise`.
    pub(crate) fn told(&self, otherwise: Told) -> Told {
        self.cookie.take().map_or(otherwise, Told::Cookie)
    }

    /// Keeps what has changed so far.
    pub(super) async fn save(self: &Rc<Self>) -> Result<Saved, BoxError> {
        let Some(state) = self.state.borrow().clone() else { return Ok(Saved::All) };
        let keeping = self.keeping(&state);
        if matches!(keeping, Keeping::Nothing) {
            return Ok(Saved::All);
        }
        let token = self.token.borrow().clone().unwrap_or_default(); // there is one where anything is kept
        let layer = Arc::clone(&self.layer);
        let work = async move { keeping.in_store(&*layer.store, &token).await };
        self.to_its_end(work, |current, kept| current.saved(state, kept)).await
    }

    fn saved(&self, state: State, kept: Result<Updated, BoxError>) -> Result<Saved, BoxError> {
        match kept {
            Ok(updated) => {
                let is_lost = matches!(updated, Updated::Gone) && !state.is_incidental();
                self.settle(state, updated);
                return Ok(if is_lost { Saved::Lost } else { Saved::All });
            }
            Err(error) if state.is_incidental() => tracing::warn!("{}", Chain(&*error).after(NOT_NOTED)),
            Err(error) => return Err(error),
        }
        Ok(Saved::All)
    }

    /// What `change` would make of the session: nothing is changed until its caller has [adopted](Self::adopt) it.
    #[cfg(feature = "accounts")]
    pub(super) fn draft(&self, change: impl FnOnce()) -> Draft {
        let before = self.state.borrow().clone();
        change();
        let state = self.state.replace(before).expect(LOADED);
        let old = self.token.borrow().as_deref().and_then(token::hash).unwrap_or_default(); // no session has an empty id
        let row = (self.layer.has_rows() && !self.is_answered.get()).then(|| Row::new(old, self.keeping(&state)));
        Draft { state, row }
    }

    /// Changes the session as a draft says, of whose row this has become in the transaction of the caller's.
    #[cfg(feature = "accounts")]
    pub(super) fn adopt(&self, draft: Draft, updated: Option<Updated>) {
        match updated {
            Some(updated) => self.settle(draft.state, updated),
            None => self.change(|state| *state = draft.state),
        }
    }

    /// Goes on from what is kept now.
    fn settle(&self, state: State, updated: Updated) {
        let now = self.layer.now();
        let cookie = self.layer.cookie(self.scheme);
        let mut next = State::of(None, now);
        match updated {
            Updated::Ended => {
                self.cookie.set(Some(cookie.unset()));
                self.token.take();
            }
            Updated::Kept if state.kept.is_none() => {} // and there was nothing to keep
            Updated::Kept | Updated::Renewed(_) | Updated::Gone => {
                // Another request may have changed it: what is put in from now on is added to what is there.
                next = State::of(Some(SessionRecord { version: UNKNOWN, ..state.record }), now);
            }
        }
        if let Updated::Renewed(token) = updated {
            self.cookie.set(Some(cookie.set(&token)));
            self.token.replace(Some(token));
        }
        self.state.replace(Some(next));
    }

    fn keeping(&self, state: &State) -> Keeping {
        let now = self.layer.now();
        let record = || {
            let expires = self.layer.expiry(state.record.created, now);
            SessionRecord { seen: now, expires, ..state.record.clone() }
        };
        match &state.kept {
            Some(kept) if !state.purge => {
                let is_touched = state.rotate || state.renew || self.layer.is_touched(kept, now);
                if !is_touched && state.user.is_none() && state.values.is_empty() {
                    return Keeping::Nothing;
                }
                let signs_in = state.record.owner().is_some() && state.user.is_some();
                let change = state.change_of(kept, is_touched.then(record));
                Keeping::Change { loaded: kept.clone(), change, or_begin: signs_in.then(record) }
            }
            None if state.record.is_empty() => Keeping::Nothing,
            kept => Keeping::Begin { ends_old: kept.is_some(), record: record() },
        }
    }

    /// Ends the request with an error of the server's, whatever its handler would make of it: an `Option` that actix-web
    /// fills takes each error for nobody, and who is signed in would see the page of a stranger. The handler is waited
    /// for no longer; it has not begun. Once the request is answered, as in the task of a WebSocket, the error is only
    /// given back.
    pub(crate) async fn fail(&self, error: Error) -> Error {
        if self.is_answered.get() {
            return error;
        }
        self.failure.set(Some(error));
        if let Some(waiting) = self.waiting.take() {
            waiting.wake(); // it may be another task that fails
        }
        pending().await
    }

    /// What a handler answers, unless the request [has failed](Self::fail).
    pub(crate) async fn unless_failed<T>(
        &self,
        answer: impl Future<Output = Result<T, actix_web::Error>>,
    ) -> Result<T, actix_web::Error> {
        let mut answer = pin!(answer);
        let poll = |context: &mut Context<'_>| match (answer.as_mut().poll(context), self.failure.take()) {
            (_, Some(error)) => Poll::Ready(Err(error.into())),
            (Poll::Pending, None) => {
                self.waiting.set(Some(context.waker().clone()));
                Poll::Pending
            }
            (answer, None) => answer,
        };
        poll_fn(poll).await
    }
}

const NOT_NOTED: &str = "the session was not kept, of which only a message or the time of its last use is lost";

/// The version of a row that is not known: no row has it.
const UNKNOWN: i64 = -1;

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
    fn owner(&self) -> Option<i64> {
        self.user.or_else(|| self.values.get(SECOND_FACTOR)?.get("account")?.as_i64())
    }
}

const LOADED: &str = "a `Session` is loaded before a handler has it";

impl State {
    fn of(kept: Option<SessionRecord>, now: i64) -> Self {
        let new = || SessionRecord { created: now, seen: now, ..SessionRecord::default() };
        let record = kept.clone().unwrap_or_else(new);
        Self { kept, record, values: BTreeMap::new(), user: None, rotate: false, renew: false, purge: false }
    }

    /// Whether this is the value of `key` already, in the store too.
    fn is_kept(&self, key: &str, value: Option<&Value>) -> bool {
        let is_as_loaded = self.kept.as_ref().is_some_and(|kept| kept.version != UNKNOWN);
        is_as_loaded && !self.values.contains_key(key) && self.record.values.get(key) == value
    }

    /// Whether nothing is lost that a visitor has done where it is not kept: that the session was used, messages for the
    /// next page, and a new token for other rights, which the next request gets.
    fn is_incidental(&self) -> bool {
        let is_incidental = |key: &String| [FLASHES, RIGHTS].contains(&key.as_str());
        !self.purge && !self.rotate && self.user.is_none() && self.values.keys().all(is_incidental)
    }

    /// What has changed since it was `kept`; with the times of `used` where they are to be written.
    fn change_of(&self, kept: &SessionRecord, used: Option<SessionRecord>) -> SessionChange {
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

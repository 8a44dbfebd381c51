use std::cell::{Cell, Ref, RefCell};
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
use super::record::SessionRecord;
#[cfg(feature = "accounts")]
use super::row::Row;
#[cfg(feature = "accounts")]
use super::state::RIGHTS;
use super::state::{CSRF, State, UNKNOWN};
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
    /// What the handler has changed since that was taken which is being kept.
    since: RefCell<Option<Vec<Change>>>,
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

type Change = Box<dyn Fn(&mut State)>;

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
            since: RefCell::default(),
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
        let key = key.to_owned();
        self.change(move |state| state.set(&key, value.clone()));
    }

    /// Changes who is signed in; the token from before is dead.
    pub(super) fn set_user(&self, user: Option<i64>) {
        let now = self.layer.now();
        self.change(move |state| state.set_user(user, now));
    }

    /// Forgets what another user has left. What a visitor has put in who was nobody stays.
    #[cfg(feature = "accounts")]
    pub(super) fn pass_to(&self, user: i64) {
        let now = self.layer.now();
        self.change(move |state| state.pass_to(user, now));
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
        self.change(move |state| state.purge(now));
    }

    /// Nothing once the answer is given, as from a body that streams: it comes too late.
    fn change(&self, change: impl Fn(&mut State) + 'static) {
        if self.is_answered.get() {
            return;
        }
        change(self.state.borrow_mut().as_mut().expect(LOADED));
        if let Some(since) = &mut *self.since.borrow_mut() {
            since.push(Box::new(change));
        }
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

    /// Keeps what has changed so far, under the token that the session has once earlier work has ended.
    pub(super) async fn save(self: &Rc<Self>) -> Result<Saved, BoxError> {
        self.finish().await;
        let Some(state) = self.state.borrow().clone() else { return Ok(Saved::All) };
        let keeping = self.keeping(&state);
        if matches!(keeping, Keeping::Nothing) {
            return Ok(Saved::All);
        }
        let token = self.token.borrow().clone().unwrap_or_default(); // there is one where anything is kept
        self.since.replace(Some(Vec::new()));
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

    /// What `change` would make of the session, once earlier work has ended: nothing is changed until its caller has
    /// [adopted](Self::adopt) it.
    #[cfg(feature = "accounts")]
    pub(super) async fn draft(self: &Rc<Self>, change: impl FnOnce()) -> Draft {
        self.finish().await;
        let before = self.state.borrow().clone();
        change();
        let state = self.state.replace(before).expect(LOADED);
        self.since.replace(Some(Vec::new()));
        let old = self.token.borrow().as_deref().and_then(token::hash).unwrap_or_default(); // no session has an empty id
        let row = (self.layer.has_rows() && !self.is_answered.get()).then(|| Row::new(old, self.keeping(&state)));
        Draft { state, row }
    }

    /// Changes the session as a draft says, of whose row this has become in the transaction of the caller's.
    #[cfg(feature = "accounts")]
    pub(super) fn adopt(&self, draft: Draft, updated: Option<Updated>) {
        match updated {
            Some(updated) => self.settle(draft.state, updated),
            None if self.is_answered.get() => {} // it comes too late
            None => self.go_on(draft.state),
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
        self.go_on(next);
    }

    /// Goes on from this state, with what the handler has changed meanwhile: it may have waited for it no longer.
    fn go_on(&self, mut state: State) {
        for change in self.since.take().into_iter().flatten() {
            change(&mut state);
        }
        self.state.replace(Some(state));
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

const LOADED: &str = "a `Session` is loaded before a handler has it";

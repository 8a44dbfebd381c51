//! What stands around every application, whichever runs it.

mod counters;
mod failure;
mod gate;
mod security_headers;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::ResourceDef;
use foobar_core::{DefaultFields, Handler, LocalBoxFuture, Metrics, Request, RequestInfo, Response, Scheme, panics};
use http::header::CONTENT_TYPE;
use http_body::Body;
use tokio::task::unconstrained;
use tokio::time::{sleep, timeout};

use crate::cross_site::{Sender, given_token};
use crate::{AppSettings, asset};

pub(crate) use counters::Counters;
pub(crate) use failure::{Failure, log};
use gate::Gate;

/// The inside of a guard: answers requests, or says why not.
pub(crate) trait Application: 'static {
    /// What is known of the visitor from before.
    type Session;

    /// The session of a request, which is not read yet.
    fn session(&self, request: &Request, info: &RequestInfo) -> Self::Session;

    /// Takes the body out of the request and leaves its head, by which an error is answered and logged.
    async fn answer(
        &self,
        request: &mut Request,
        info: &RequestInfo,
        session: &Self::Session,
    ) -> Result<Response, Failure>;

    /// Waits until what [`answer`](Self::answer) was about to keep of the session, when it was cut off, is kept or is not.
    async fn finish(&self, session: &Self::Session);

    /// What is answered where `answer` was cut off; it tells of the session what was kept before.
    fn cut_off(&self, session: &Self::Session, failure: Failure) -> Failure;

    /// Goes by settings that have changed. Requests that it has begun go on as they began. By default nothing changes.
    fn renew(&self) {}

    /// Whether `token` is that of the forms of the request's session.
    async fn knows_token(&self, request: &Request, scheme: Scheme, token: &str) -> Result<bool, Failure>;
}

/// What the handlers of all worker threads share.
pub(crate) struct Guard {
    rules: RwLock<Arc<Rules>>,
    /// The routes that take requests of other sites.
    cross_site: Arc<Vec<ResourceDef>>,
    counters: Mutex<Vec<Arc<Counters>>>,
    pub(crate) gate: Gate,
}

/// What of the settings goes for each request.
struct Rules {
    timeout: Duration,
    security_headers: DefaultFields,
}

impl Rules {
    fn of(settings: &AppSettings) -> Self {
        let timeout = *settings.request_timeout;
        Self {
            timeout: if timeout.is_zero() { Duration::MAX } else { timeout },
            security_headers: security_headers::of(settings),
        }
    }
}

impl Guard {
    pub(crate) fn new(settings: &AppSettings, cross_site: Arc<Vec<ResourceDef>>) -> Self {
        Self {
            rules: RwLock::new(Rules::of(settings).into()),
            cross_site,
            counters: Mutex::default(),
            gate: Gate::closed("the application has not started"),
        }
    }

    /// Handlers that are renewed from now on go by these settings.
    pub(crate) fn configure(&self, settings: &AppSettings) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Rules::of(settings).into();
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner)) // it is whole at any time
    }

    /// The counters of a new worker thread.
    pub(crate) fn counters(&self) -> Arc<Counters> {
        let counters = Arc::<Counters>::default();
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&counters));
        counters
    }

    pub(crate) fn metrics(&self, metrics: &mut Metrics) {
        Counters::write(&self.counters.lock().unwrap_or_else(PoisonError::into_inner), metrics);
    }
}

/// The handler of one worker thread: `inner` with the guard around it.
pub(crate) struct Guarded<A> {
    guard: Arc<Guard>,
    rules: Arc<Rules>,
    counters: Arc<Counters>,
    inner: Rc<A>,
}

impl<A: Application> Guarded<A> {
    pub(crate) fn handler(guard: Arc<Guard>, counters: Arc<Counters>, inner: A) -> Rc<dyn Handler> {
        Self::under(guard, counters, Rc::new(inner))
    }

    fn under(guard: Arc<Guard>, counters: Arc<Counters>, inner: Rc<A>) -> Rc<dyn Handler> {
        Rc::new(Self { rules: guard.rules(), guard, counters, inner })
    }

    async fn answer(&self, request: &mut Request, info: &RequestInfo) -> Result<Response, Failure> {
        if !self.guard.gate.is_open() {
            self.counters.refused();
            return Err(Failure::not_started());
        }
        let limit = self.rules.timeout;
        let assets = info.assets.clone();
        let session = self.inner.session(request, info);
        // Pinned here: a future that is handed on is there twice.
        let asked = pin!(asset::within(assets, self.ask(request, info, &session)));
        let mut answer = pin!(panics::catch_future(asked));
        let mut expiry = None; // most handlers are ready at once, and need no timer
        let answer = poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Ok(answer)),
            Poll::Pending => {
                // Its time counts also where the handler has used up what a task may do at a time.
                expiry.get_or_insert_with(|| Box::pin(unconstrained(sleep(limit)))).as_mut().poll(cx).map(Err)
            }
        });
        match answer.await {
            Ok(Ok(Ok(response))) if is_bare_error(&response) => Err(Failure::bare(response)),
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => {
                self.counters.panicked();
                Err(Box::pin(self.cut_off(&session, Failure::panic(&panic))).await)
            }
            Err(()) => {
                self.counters.timed_out();
                Err(Box::pin(self.cut_off(&session, Failure::timeout(limit))).await)
            }
        }
    }

    /// A transaction that has begun is not left alone: it may go on under a token that the browser has to get. It has
    /// deadlines of its own, and is waited for as long again as a handler at most.
    async fn cut_off(&self, session: &A::Session, failure: Failure) -> Failure {
        let finish = panics::catch_future(self.inner.finish(session));
        if !matches!(timeout(self.rules.timeout, finish).await, Ok(Ok(()))) {
            tracing::warn!("a session may have been kept, and the browser was not told: it signs in again");
        }
        self.inner.cut_off(session, failure)
    }
}

impl<A: Application> Guarded<A> {
    /// Asks the application, unless a page of another site does.
    async fn ask(&self, request: &mut Request, info: &RequestInfo, session: &A::Session) -> Result<Response, Failure> {
        let scheme = info.scheme();
        let sender = Sender::of(request, scheme);
        if sender != Sender::Trusted && !self.is_trusted(sender, request, scheme).await? {
            return Err(Failure::new(sender.refusal()));
        }
        self.inner.answer(request, info, session).await
    }

    async fn is_trusted(&self, sender: Sender, request: &mut Request, scheme: Scheme) -> Result<bool, Failure> {
        let path = request.uri().path();
        if self.guard.cross_site.iter().any(|route| route.is_match(path)) {
            return Ok(true);
        }
        match sender {
            Sender::Unknown => Box::pin(self.has_token(request, scheme)).await,
            Sender::Trusted | Sender::Stranger => Ok(false),
        }
    }

    async fn has_token(&self, request: &mut Request, scheme: Scheme) -> Result<bool, Failure> {
        match given_token(request).await {
            Some(token) => self.inner.knows_token(request, scheme, &token).await,
            None => Ok(false),
        }
    }

    async fn respond(&self, request: &mut Request, info: &RequestInfo) -> Response {
        let _in_flight = self.counters.enter();
        let answer = self.answer(request, info).await;
        let response = answer.unwrap_or_else(|failure| failure.into_response(request, info.id));
        self.counters.responded(response.status());
        response
    }
}

impl<A: Application> Handler for Guarded<A> {
    fn handle(&self, mut request: Request) -> LocalBoxFuture<'_, Response> {
        Box::pin(async move {
            let info = RequestInfo::of(request.extensions_mut());
            let mut response = self.respond(&mut request, &info).await;
            if let Some(pattern) = info.pattern.into_inner() {
                response.extensions_mut().insert(pattern);
            }
            response
        })
    }

    fn handle_with<'a>(&'a self, mut request: Request, info: &'a RequestInfo) -> LocalBoxFuture<'a, Response> {
        Box::pin(async move { self.respond(&mut request, info).await }) // handed on, it would be there twice
    }

    fn default_fields(&self) -> &DefaultFields {
        &self.rules.security_headers
    }

    fn renewed(&self) -> Option<Rc<dyn Handler>> {
        self.inner.renew();
        Some(Self::under(Arc::clone(&self.guard), Arc::clone(&self.counters), Rc::clone(&self.inner)))
    }
}

/// Whether it is an error that says nothing: no body, and no type of one.
fn is_bare_error(response: &Response) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error())
        && response.body().is_end_stream()
        && !response.headers().contains_key(CONTENT_TYPE)
}

#[cfg(test)]
mod tests;

//! An `App` on actix-web, in process.
//!
//! actix-web's own server has no deadline on the second request of a connection, none on writes, and stands on h2 0.3;
//! its HTTP/2 feature is off. So connections are the web tier's. Each worker thread runs inside an actix `System`,
//! brought by `MakeHandler::block_on`, so that everything an actix handler may do works; the web tier does not know.

mod head;
mod kept;
mod listing;
mod request;
mod response;
mod tunnel;

use std::cell::RefCell;
use std::io;
use std::num::NonZero;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use actix_http::HttpMessage;
use actix_http::body::BoxBody;
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::HttpResponse;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::web::{self, Data, FormConfig, JsonConfig, PayloadConfig};
use foobar_core::{
    Attempt, BoxError, BoxFuture, Handler, LocalBoxFuture, MakeHandler, Metrics, PersistentStart, Readiness, Request,
    RequestInfo, Response, ResponseBody, Scheme, Tier, panics,
};
use http::{Method, StatusCode};

use crate::app_instance::AppInstance;
use crate::context::CurrentContext;
use crate::guard::{Application, Counters, Failure, Guard, Guarded};
use crate::session::current::Current;
use crate::session::layer::SessionLayer;
use crate::{App, AppRoute, AppSettings, AppTier, Configured, Context, Db, route_pattern};

use request::Link;
use tunnel::Tunnels;

/// Runs an [`App`] on actix-web inside the web tier's worker threads, without a socket of its own.
///
/// Each worker thread gets an actix-web application of its own and is an actix `System` with an `Arbiter`, so that
/// everything an actix-web handler may do works there.
///
/// A `HEAD` that no route takes is asked again as a `GET`, and answered without the body (RFC 9110 section 9.3.2). So
/// is one that gets an empty 405 whose `Allow` names `GET`, which is how a `web::resource` refuses it. No other handler
/// runs twice, except a `default_service` at a path that has routes but none for `GET`.
///
/// # What a handler sees of its connection
///
/// `HttpRequest::peer_addr` is the client's address, also behind a trusted proxy (`web.trusted_proxies`), where its
/// port may be 0; `None` on a Unix socket. `connection_info` and `full_url` take the scheme from the connection and the
/// host from the request. `Forwarded` and `X-Forwarded-*`, which actix-web prefers to both, reach the handler only from
/// such a proxy, with the one value that the web tier found to be true. `HttpRequest::app_config` knows nothing of this
/// server and keeps actix-web's defaults.
///
/// # The database
///
/// `start` runs the migrations and then [`App::start`]. A failure that [may pass](crate::StartError::may_pass), such as
/// a database that is down or read-only, does not stop the server's start: the tier is not ready and says why, answers
/// 503 with `Retry-After: 1`, and tries again. Every other failure, also a panic, ends the server's start, and where it
/// comes later it is that of [`failed`](Tier::failed).
///
/// # Early hints
///
/// A handler that takes `ReqData<`[`EarlyHints`](foobar_core::EarlyHints)`>` can tell a browser which files its page
/// needs while it still works on it.
///
/// # WebSockets
///
/// They work with `actix-ws`. A drain ends the handler's stream of messages, so that it can say goodbye. A frame larger
/// than [`AppSettings::max_websocket_frame`] ends it with an error; a handler that takes frames of more than
/// actix-web's 64 KiB says so by `MessageStream::max_frame_size`, up to that setting.
pub struct Runtime<A> {
    pub(crate) instance: Arc<AppInstance<A>>,
    start: PersistentStart<AppInstance<A>>,
    tunnels: Arc<Tunnels>,
}

impl<A: App> Runtime<A> {
    /// The runtime of `app`, with the database of its handlers and a [`Context`] of its own.
    pub fn new(app: A, db: Option<Db>, settings: &AppSettings) -> Self {
        Self::with_context(app, Context::new(db), settings)
    }

    /// The runtime of `app`, which is given `context`.
    pub fn with_context(app: A, context: Context, settings: &AppSettings) -> Self {
        #[cfg(feature = "accounts")]
        let context = context.with_accounts(app.accounts(), app.sessions().are_in_database());
        let guard = Arc::new(Guard::new(settings, context.cross_site()));
        let tunnels = Arc::new(Tunnels::new(settings.max_websocket_frame));
        let instance = Arc::new(AppInstance::new(app, context, guard, *settings.start_timeout));
        Self { start: PersistentStart::new(Arc::clone(&instance)), instance, tunnels }
    }

    /// The actix-web application of one worker thread.
    async fn service(&self) -> Result<impl ActixService, BoxError> {
        actix(&self.instance).into_factory().new_service(AppConfig::default()).await.map_err(listing::no_service)
    }
}

/// The application in actix-web's terms.
fn actix<A: App>(instance: &AppInstance<A>) -> actix_web::App<impl ActixFactory> {
    let AppInstance { app, context, .. } = instance;
    let mut actix = actix_web::App::new()
        .app_data(JsonConfig::default().limit(usize::MAX))
        .app_data(FormConfig::default().limit(usize::MAX))
        .app_data(PayloadConfig::new(usize::MAX))
        .app_data(context.clone())
        .default_service(web::to(head::unrouted));
    if let Ok(db) = context.get().db() {
        actix = actix.app_data(db.clone()).app_data(Data::new(db.clone()));
    }
    actix.configure(|routes| app.routes(routes))
}

impl<A: App> AppTier for Runtime<A> {
    fn routes(&self) -> Result<Option<Vec<AppRoute>>, BoxError> {
        let (instance, (sender, listed)) = (Arc::clone(&self.instance), mpsc::channel());
        let list = async move {
            let routes = panics::catch_future(async { listing::list(actix(&instance)).await }).await;
            drop(sender.send(routes)); // it is waited for
        };
        self.block_on(Box::pin(list))?;
        Ok(Some(listed.recv()???))
    }

    fn configure(&self, context: &Context, settings: &AppSettings) -> Configured {
        self.instance.context.set(context.clone());
        self.instance.guard.configure(settings);
        self.tunnels.set_max_frame(settings.max_websocket_frame);
        Configured::All
    }

    fn reloaded(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.instance.reloaded())
    }
}

impl<A: App> Tier for Runtime<A> {
    fn name(&self) -> &'static str {
        AppInstance::<A>::TIER
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.instance.begin(&self.start))
    }

    fn failed(&self) -> BoxFuture<'_, BoxError> {
        Box::pin(self.start.failed())
    }

    fn readiness(&self) -> Readiness {
        self.instance.guard.gate.readiness()
    }

    fn stopping(&self) {
        self.instance.tasks().stopping();
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.start.stop(deadline).await;
            self.tunnels.drain(deadline).await;
            self.instance.end(deadline).await;
        })
    }

    fn unfinished(&self) -> Option<String> {
        self.instance.unfinished()
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.instance.metrics(metrics);
    }
}

impl<A: App> MakeHandler for Runtime<A> {
    fn make(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Handler>, BoxError>> {
        Box::pin(async {
            let guard = Arc::clone(&self.instance.guard);
            let counters = guard.counters();
            let service = self.service().await?;
            let sessions = RefCell::new(self.instance.sessions()?.map(SessionLayer::for_worker));
            let (context, tunnels) = (self.instance.context.clone(), Arc::clone(&self.tunnels));
            let worker = Worker { service, tunnels, context, sessions, counters: Arc::clone(&counters) };
            Ok(Guarded::handler(guard, counters, worker))
        })
    }

    fn allows_certificate<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(self.instance.allows_certificate(name))
    }

    fn block_on(&self, worker: LocalBoxFuture<'static, ()>) -> io::Result<()> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(blocking_threads()).build()?;
        actix_rt::System::with_tokio_rt(|| runtime).block_on(async {
            worker.await;
            self.tunnels.drain(Instant::now() + tunnel::GOODBYE).await; // they end with the thread that they live on
        });
        Ok(())
    }
}

/// How many threads one worker may start for `web::block`: as many as in actix-web.
fn blocking_threads() -> usize {
    512 / std::thread::available_parallelism().map_or(1, NonZero::get).min(512)
}

/// What actix-web makes an application of.
trait ActixFactory:
    ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    > + 'static
{
}

impl<F> ActixFactory for F where
    F: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static
{
}

/// What actix-web makes of an application.
trait ActixService:
    Service<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error> + 'static
{
}

impl<S> ActixService for S where
    S: Service<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error> + 'static
{
}

/// The application on one worker thread.
struct Worker<S> {
    service: S,
    tunnels: Arc<Tunnels>,
    context: CurrentContext,
    /// Under the settings of now; a request keeps what it began with.
    sessions: RefCell<Option<Arc<SessionLayer>>>,
    counters: Arc<Counters>,
}

impl<S: ActixService> Application for Worker<S> {
    type Session = Option<Rc<Current>>;

    fn session(&self, request: &Request, info: &RequestInfo) -> Self::Session {
        let sessions = self.sessions.borrow();
        sessions.as_ref().map(|sessions| Current::of(sessions, request.headers(), info.scheme()))
    }

    async fn answer(
        &self,
        request: &mut Request,
        info: &RequestInfo,
        session: &Self::Session,
    ) -> Result<Response, Failure> {
        let answer = self.ask(request, info, session.as_ref()).await;
        match session {
            Some(session) => Box::pin(kept::keep(session, answer)).await, // to keep the future of the others small
            None => answer,
        }
    }

    async fn finish(&self, session: &Self::Session) {
        if let Some(session) = session {
            session.finish().await;
        }
    }

    fn cut_off(&self, session: &Self::Session, failure: Failure) -> Failure {
        match session {
            Some(session) => kept::told(session, failure),
            None => failure,
        }
    }

    fn renew(&self) {
        let mut sessions = self.sessions.borrow_mut();
        let renewed = sessions.as_ref().map(|sessions| sessions.under(self.context.get().session_settings()));
        // Keys that are none have been refused before.
        if let Some(Ok(renewed)) = renewed {
            *sessions = Some(renewed.into());
        }
    }

    async fn knows_token(&self, request: &Request, scheme: Scheme, token: &str) -> Result<bool, Failure> {
        let sessions = self.sessions.borrow().clone();
        match sessions {
            Some(sessions) => {
                let session = Current::of(&sessions, request.headers(), scheme);
                session.has_csrf_token(token).await.map_err(|error| kept::not_kept(&*error))
            }
            None => Ok(false),
        }
    }
}

impl<S: ActixService> Worker<S> {
    /// What the handler answers.
    async fn ask(
        &self,
        request: &mut Request,
        info: &RequestInfo,
        session: Option<&Rc<Current>>,
    ) -> Result<Response, Failure> {
        let method = request.method().clone();
        let (mut answer, mut link) = self.call(&method, request, info, session).await?;
        if method == Method::HEAD && answer.as_ref().is_ok_and(head::is_unrouted) {
            // Boxed, to keep the future of the others small.
            (answer, link) = Box::pin(self.call(&Method::GET, request, info, session)).await?;
        }
        // An error has no request.
        if let Some(pattern) = answer.as_ref().ok().and_then(|answer| route_pattern::of(answer.request())) {
            info.pattern.get_or_init(|| pattern);
        }
        let response = answer.map_or_else(HttpResponse::from_error, |answer| answer.into_parts().1);
        let (mut response, body) = response::from_actix(response, &link, request, info.id)?;
        *response.body_mut() = match link.tunnel {
            Some(tunnel) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                tunnel.open(response.headers(), body, &self.tunnels);
                ResponseBody::empty()
            }
            _ => response::stream(body, info.id, &self.counters),
        };
        Ok(response)
    }

    async fn call(
        &self,
        method: &Method,
        request: &mut Request,
        info: &RequestInfo,
        session: Option<&Rc<Current>>,
    ) -> Result<(Result<ServiceResponse, actix_web::Error>, Link), Failure> {
        let (converted, link) = request::to_actix(method, request, info)?;
        if let Some(session) = session {
            converted.extensions_mut().insert(Rc::clone(session));
        }
        let answer = self.service.call(converted);
        Ok(match session {
            Some(session) => (session.unless_failed(answer).await, link),
            None => (answer.await, link),
        })
    }
}

#[cfg(test)]
mod tests;

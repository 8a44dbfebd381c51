use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::web::ServiceConfig;
use bytes::Bytes;
use foobar_core::{
    BoxError, BoxFuture, Handler, LocalBoxFuture, MakeHandler, Metrics, PersistentStart, Readiness, Request,
    RequestInfo, Response, ResponseBody, Scheme, Tier,
};
use foobar_db::Migrations;
use http::header::ACCEPT;
use tower_service::Service;

use crate::app_instance::AppInstance;
use crate::guard::{Application, Counters, Failure, Guard, Guarded};
use crate::streamed::Streamed;
use crate::{App, AppSettings, AppTier, Configured, Context};

/// Runs any `tower::Service` as the application: an axum `Router`, for example.
///
/// It gets the same guard as an [`App`](crate::App): request id, panics, deadline, security headers, and errors with
/// an empty body rendered. An error of the service itself is 500 and is logged. The request's extensions hold the
/// [`RequestId`](foobar_core::RequestId) and the [`ConnectInfo`](foobar_core::ConnectInfo); where the client asked to
/// switch protocols, they hold an [`Upgrade`](foobar_core::Upgrade) that the service may use, but axum's own
/// WebSockets look for hyper's and do not find it.
///
/// [`with_context`](Self::with_context) gives it a database, which its start migrates as that of a
/// [`Runtime`](crate::Runtime) does; and a drain waits for what its handlers have spawned on that [`Context`].
pub struct TowerApp<S> {
    service: S,
    instance: Arc<AppInstance<Schema>>,
    start: PersistentStart<AppInstance<Schema>>,
}

/// What a service is besides its routes.
struct Schema(Migrations);

impl App for Schema {
    fn routes(&self, _routes: &mut ServiceConfig) {}

    fn migrations(&self) -> Migrations {
        self.0.clone()
    }
}

impl<S> TowerApp<S> {
    /// The application that `service` is; each request is answered by a clone of it.
    pub fn new(service: S, settings: &AppSettings) -> Self {
        Self::with_context(service, Context::new(None), Migrations::none(), settings)
    }

    /// The same with what its handlers have been given: `service` holds a clone of `context`, on whose database the
    /// start runs `migrations`.
    pub fn with_context(service: S, context: Context, migrations: Migrations, settings: &AppSettings) -> Self {
        let guard = Arc::new(Guard::new(settings, context.cross_site()));
        let instance = Arc::new(AppInstance::new(Schema(migrations), context, guard, *settings.start_timeout));
        Self { service, start: PersistentStart::new(Arc::clone(&instance)), instance }
    }
}

impl<S, B> AppTier for TowerApp<S>
where
    S: Service<Request, Response = http::Response<B>, Error: Into<BoxError>> + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    /// The service keeps the context that it was made with.
    fn configure(&self, _context: &Context, settings: &AppSettings) -> Configured {
        self.instance.guard.configure(settings);
        Configured::WithoutContext
    }
}

impl<S: Send + Sync + 'static> Tier for TowerApp<S> {
    fn name(&self) -> &'static str {
        "app"
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
            self.instance.end(deadline).await; // the web tier has finished all requests
        })
    }

    fn unfinished(&self) -> Option<String> {
        self.instance.unfinished()
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.instance.metrics(metrics);
    }
}

impl<S, B> MakeHandler for TowerApp<S>
where
    S: Service<Request, Response = http::Response<B>, Error: Into<BoxError>> + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    fn make(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Handler>, BoxError>> {
        let guard = Arc::clone(&self.instance.guard);
        let counters = guard.counters();
        let worker = Worker { service: self.service.clone(), counters: Arc::clone(&counters) };
        let handler = Guarded::handler(guard, counters, worker);
        Box::pin(async { Ok(handler) })
    }
}

/// The service on one worker thread.
struct Worker<S> {
    service: S,
    counters: Arc<Counters>,
}

impl<S, B> Application for Worker<S>
where
    S: Service<Request, Response = http::Response<B>, Error: Into<BoxError>> + Clone + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    /// Sessions are the service's own, and so are their tokens.
    type Session = ();

    fn session(&self, _request: &Request, _info: &RequestInfo) {}

    async fn answer(&self, request: &mut Request, info: &RequestInfo, _none: &()) -> Result<Response, Failure> {
        info.put_into(request.extensions_mut());
        let id = info.id;
        let failed = |error: S::Error| Failure::internal(&*error.into());
        let mut service = self.service.clone();
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
        let response = service.call(take(request)).await.map_err(failed)?;
        Ok(response.map(|body| ResponseBody::stream(Streamed::new(body, id, Arc::clone(&self.counters)))))
    }

    async fn finish(&self, _none: &()) {}

    fn cut_off(&self, _none: &(), failure: Failure) -> Failure {
        failure
    }

    async fn knows_token(&self, _request: &Request, _scheme: Scheme, _token: &str) -> Result<bool, Failure> {
        Ok(false)
    }
}

/// The request, for a service that wants it whole; what an error is answered and logged by stays.
fn take(request: &mut Request) -> Request {
    let mut head = Request::default();
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = request.uri().clone();
    head.headers_mut().extend(request.headers().get(ACCEPT).map(|accept| (ACCEPT, accept.clone())));
    std::mem::replace(request, head)
}

#[cfg(test)]
mod tests;

//! The web tier without sockets, for tests: the same request path on one worker thread. It must not know a connection.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use foobar_core::{
    BoxError, BoxFuture, ClientCertificate, ConnectInfo, MakeHandler, Metrics, Readiness, RequestBody, RequestId,
    Scheme, Tier,
};
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, SERVER};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::net::TlsClient;
use crate::pipeline::{Logged, RequestContext};
use crate::plan::Plan;
use crate::request::Host;
use crate::site::Sites;
use crate::threads::{DrainSignal, Threads, WorkerMain};
use crate::worker::Worker;
use crate::{Address, Error, FileSources, SiteOverview, SiteSettings, Warning, WebSettings, WebTier};

/// The web tier without sockets, for tests: sites, routes, files and the application on one worker thread.
///
/// What belongs to a connection is not there: `web.listen`, deadlines, the limits of a head.
pub struct InProcess {
    plan: Plan,
    crew: Threads,
    requests: mpsc::UnboundedSender<Call>,
    waiting: Mutex<Option<mpsc::UnboundedReceiver<Call>>>,
}

/// A request and where its answer goes.
type Call = (Request<Bytes>, oneshot::Sender<Response<Bytes>>);

impl InProcess {
    /// Checks the settings and opens the files and folders they name, as [`Web::new`](crate::web::Web::new) does.
    pub fn new(
        settings: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        app: Option<Arc<dyn MakeHandler>>,
    ) -> Result<Self, Error> {
        Self::with_files(settings, sites, &FileSources::default(), app)
    }

    /// The same with sources of files, as [`Web::with_files`](crate::web::Web::with_files).
    pub fn with_files(
        settings: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        files: &FileSources,
        app: Option<Arc<dyn MakeHandler>>,
    ) -> Result<Self, Error> {
        let (requests, waiting) = mpsc::unbounded_channel();
        let plan = Plan::compile(settings, sites, files, app)?;
        Ok(Self { plan, crew: Threads::new(), requests, waiting: Mutex::new(Some(waiting)) })
    }

    /// Answers one request; one to `https://…` is taken as one over TLS, and one that has a [`ClientCertificate`] among its
    /// extensions as from a client that has shown it. One without a `Host` is for `localhost`. Waits until the tier has
    /// started; 503 once it has been drained.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (sender, answer) = oneshot::channel();
        let sent = self.requests.send((request, sender));
        let answer = if sent.is_ok() { answer.await.ok() } else { None }; // dropped with its worker: gone
        answer.unwrap_or_else(|| {
            let mut gone = Response::new(Bytes::from_static(b"the web tier has ended"));
            *gone.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            gone
        })
    }
}

async fn serve_all(worker: Rc<Worker>, mut requests: mpsc::UnboundedReceiver<Call>, orders: DrainSignal) {
    let mut drain = std::pin::pin!(orders.drain());
    let deadline = loop {
        tokio::select! {
            deadline = &mut drain => break deadline,
            Some((request, answer)) = requests.recv() => {
                let pipeline = worker.clone();
                worker.connections.open(|_| async move {
                    _ = answer.send(serve(&pipeline, request).await); // who asked may have gone
                });
            }
        }
    };
    requests.close();
    worker.connections.begin_drain(worker.limits.stream_time, deadline);
    worker.connections.finish(deadline).await;
}

async fn serve(worker: &Worker, request: Request<Bytes>) -> Response<Bytes> {
    let (mut parts, body) = request.into_parts();
    let host = parts.uri.authority().map_or("localhost", |authority| authority.as_str());
    if let (false, Ok(host)) = (parts.headers.contains_key(HOST), HeaderValue::try_from(host)) {
        parts.headers.insert(HOST, host);
    }
    let head = parts.method == Method::HEAD;
    let scheme = if parts.uri.scheme() == Some(&http::uri::Scheme::HTTPS) { Scheme::Https } else { Scheme::Http };
    let connection = ConnectInfo { remote: None, local: None, scheme };
    let tls = tls_client(&worker.pipeline.sites, &parts);
    let arrival = RequestContext { connection, tls, since: tokio::time::Instant::now() };
    let mut response = worker.pipeline.serve(&mut parts, RequestBody::full(body), arrival).await;
    if response.body().is_by_handler() {
        worker.pipeline.handler.default_fields().complete(response.headers_mut());
    }
    collect(response, head).await
}

/// A client that has shown a certificate, if the request has one, to the site of this host.
fn tls_client(sites: &Sites, request: &Parts) -> Option<TlsClient> {
    let certificate = request.extensions.get::<ClientCertificate>()?.clone();
    let host = Host::of(request).ok().flatten(); // what is no host has no name
    let site = host.and_then(|host| sites.named(&host.name));
    Some(TlsClient { site: site.or(sites.default_site())?, certificate: Some(certificate) })
}

/// Reads the body, as a connection would send it: with its length, and not for `HEAD`.
async fn collect(response: Response<Logged>, head: bool) -> Response<Bytes> {
    let (mut parts, mut body) = response.into_parts();
    parts.headers.insert(SERVER, HeaderValue::from_static("foobar"));
    parts.headers.insert(RequestId::FIELD, body.entry().id().into());
    if let Some(length) = body.size_hint().exact() {
        parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    let mut collected = BytesMut::new();
    while !head && let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        collected.extend(frame.into_data().unwrap_or_default()); // trailers are not content
    }
    Response::from_parts(parts, collected.freeze())
}

impl Tier for InProcess {
    fn name(&self) -> &'static str {
        "web"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async {
            let requests = self.waiting.lock().await.take().ok_or(Error::Started)?;
            let work: WorkerMain = Box::new(|worker, orders| Ok(Box::pin(serve_all(worker, requests, orders))));
            Ok(self.crew.start(&self.plan, vec![work]).await?)
        })
    }

    fn readiness(&self) -> Readiness {
        self.crew.readiness()
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(self.crew.drain(deadline))
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.crew.metrics(metrics);
        self.plan.store.metrics(metrics);
    }
}

impl WebTier for InProcess {
    fn sites(&self) -> Vec<SiteOverview> {
        self.plan.sites.overview()
    }

    fn warnings(&self) -> Vec<Warning> {
        self.plan.warnings.clone()
    }

    fn addresses(&self) -> Vec<Address> {
        Vec::new()
    }
}

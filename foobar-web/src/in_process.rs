//! The web tier without sockets, for tests: the same request path on one worker thread. It must not know a connection.

mod drained_body;
mod upgrade;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use foobar_core::{
    BoxError, BoxFuture, ClientAbort, ClientCertificate, ConnectInfo, EarlyHints, MakeHandler, Metrics, Readiness,
    RequestBody, RequestId, Scheme, SendStream, Tier, carry,
};
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, SERVER};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, response, uri};
use http_body::Body;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::sleep_until;

use crate::deadline::OpenEnd;
use crate::net::TlsClient;
use crate::pipeline::{Logged, Offered, RequestContext};
use crate::plan::{Given, Plan};
use crate::reply;
use crate::request::Host;
use crate::site::Sites;
use crate::threads::{Order, Orders, Threads, WorkerMain};
use crate::worker::{ConnectionState, Worker};
use crate::{Address, Error, FileSources, Gate, SiteOverview, SiteSettings, Warning, WebReload, WebSettings, WebTier};
use drained_body::DrainedBody;
use upgrade::Upgraded;

/// The web tier without sockets, for tests: sites, routes, files and the application on one worker thread.
///
/// What belongs to a connection is not there: `web.listen`, deadlines, the limits of a head.
pub struct InProcess {
    given: Given,
    plan: RwLock<Arc<Plan>>,
    crew: Threads,
    requests: mpsc::UnboundedSender<Call>,
    waiting: Mutex<Option<mpsc::UnboundedReceiver<Call>>>,
}

/// A request and where its answer goes.
type Call = (Request<RequestBody>, oneshot::Sender<Answer>);
type Answer = Response<foobar_core::Body<SendStream>>;

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
        let given = Given { files: files.clone(), app, ..Given::default() };
        let plan = RwLock::new(Plan::compile(settings, sites, &given)?.into());
        let (crew, waiting) = (Threads::new(), Mutex::new(Some(waiting)));
        Ok(Self { given, plan, crew, requests, waiting })
    }

    /// How long a drain waits for streams without an end, as [`Web::stream_timeout`](crate::web::Web::stream_timeout).
    #[must_use]
    pub fn stream_timeout(self, time: Duration) -> Self {
        let mut plan = Plan::clone(&self.plan());
        plan.limits.stream_time = time;
        self.set_plan(plan);
        self
    }

    fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner)) // it is whole at any time
    }

    fn set_plan(&self, plan: Plan) {
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan.into();
    }

    async fn reload(&self, before: &Plan, plan: Plan) -> Result<Vec<String>, BoxError> {
        if !self.crew.readiness().is_ready() {
            return Err(Error::NotServing.into());
        }
        let late = self.crew.reload(before, &plan, vec![Vec::new()]).await?;
        self.set_plan(plan);
        Ok(late)
    }

    /// Answers one request, and reads the answer to its end; otherwise as [`call`](Self::call).
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (head, mut body) = self.call(request.map(RequestBody::full)).await.into_parts();
        let mut content = BytesMut::new();
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            content.extend(frame.into_data().unwrap_or_default()); // trailers are not content
        }
        Response::from_parts(head, content.freeze())
    }

    /// Answers one request; the body of the answer is made as it is read. The client has gone when that is dropped, or
    /// the future before it is ready ([`ClientAbort`]).
    ///
    /// A request to `https://…` is taken as one over TLS; one without a `Host` is for `localhost`. What a connection
    /// would bring may be among its extensions: a [`ConnectInfo`], a [`ClientCertificate`], an [`EarlyHints`], and an
    /// [`Upgrade`](foobar_core::Upgrade) that completes once the answer is 101. Waits until the tier has started; 503
    /// once it has been drained.
    pub async fn call(&self, request: Request<RequestBody>) -> Response<foobar_core::Body<SendStream>> {
        let (sender, answer) = oneshot::channel();
        let sent = self.requests.send((request, sender));
        let answer = if sent.is_ok() { answer.await.ok() } else { None }; // dropped with its worker: gone
        answer.unwrap_or_else(|| {
            let mut gone = Response::new("the web tier has ended".into());
            *gone.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            gone
        })
    }
}

async fn serve_all(mut worker: Rc<Worker>, mut requests: mpsc::UnboundedReceiver<Call>, mut orders: Orders) {
    let deadline = loop {
        tokio::select! {
            order = orders.next() => match order {
                Order::Reload(reload) => worker = reload.apply(&worker),
                Order::Turn => {} // it has no sockets
                Order::Drain(deadline) => break deadline,
            },
            Some((request, answer)) = requests.recv() => {
                worker.connections.open(|state| exchange(worker.clone(), state, request, answer));
            }
        }
    };
    requests.close();
    worker.connections.begin_drain(worker.limits.stream_time, deadline);
    worker.connections.finish(deadline).await;
}

/// Answers one request, as long as somebody waits for the answer.
async fn exchange(
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
    mut request: Request<RequestBody>,
    mut answer: oneshot::Sender<Answer>,
) {
    let abort = ClientAbort::of(request.method());
    let hints = request.extensions_mut().remove();
    let (offered, upgrade) = Upgraded::offer(request.extensions_mut()).unzip();
    let request = request.map(|body| Offered { body, abort: abort.clone(), hints, upgrade: offered });
    let Some((response, feed)) = abort.unless_gone(serve(&worker, &state, request), answer.closed()).await else {
        return;
    };
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let is_endless = !response.headers().contains_key(CONTENT_LENGTH);
    if answer.send(response).is_err() {
        return;
    }
    match upgrade.filter(|_| switches) {
        Some(upgrade) => upgrade.serve(end_of_streams(&worker, &state)).await,
        None if is_endless => tokio::select! {
            () = feed => {}
            () = async { sleep_until(end_of_streams(&worker, &state).await).await } => {} // nobody reads it
        },
        None => feed.await,
    }
}

/// Completes when a drain has begun; gives when its streams end.
async fn end_of_streams(worker: &Worker, state: &ConnectionState) -> tokio::time::Instant {
    worker.connections.draining().await;
    state.drain().expect("a drain has begun").end_of_streams()
}

/// The answer as a connection would send it, and what reads its body.
async fn serve(
    worker: &Worker,
    state: &Rc<ConnectionState>,
    request: Request<Offered<RequestBody>>,
) -> (Answer, impl Future<Output = ()> + use<>) {
    let (mut request, offered) = request.into_parts();
    let host = request.uri.authority().map_or("localhost", |authority| authority.as_str());
    if let (false, Ok(host)) = (request.headers.contains_key(HOST), HeaderValue::try_from(host)) {
        request.headers.insert(HOST, host);
    }
    let is_head = request.method == Method::HEAD;
    let hints = offered.hints.clone();
    let arrival = arrival(worker, &request);
    let response = worker.pipeline.serve(&mut request, offered, arrival).await;
    hints.iter().for_each(EarlyHints::end);
    let (mut head, body) = response.into_parts();
    if body.is_by_handler() {
        worker.pipeline.handler.default_fields().complete(&mut head.headers);
    }
    complete(&mut head, &body, is_head);
    let is_endless = body.size_hint().exact().is_none() && !head.headers.contains_key(CONTENT_LENGTH);
    let end = is_endless.then(|| OpenEnd::new(reply::is_event_stream(&head.headers)));
    let (carried, feed) = carry(DrainedBody::new(body, end, Rc::clone(state)));
    (Response::from_parts(head, if is_head { RequestBody::empty() } else { carried }), feed)
}

fn arrival(worker: &Worker, request: &Parts) -> RequestContext {
    let scheme = if request.uri.scheme() == Some(&uri::Scheme::HTTPS) { Scheme::Https } else { Scheme::Http };
    let connection = request.extensions.get().copied();
    let connection = connection.unwrap_or(ConnectInfo { remote: None, local: None, scheme }); // as over a Unix socket
    RequestContext { connection, tls: tls_client(&worker.pipeline.sites, request), since: tokio::time::Instant::now() }
}

/// A client that has shown a certificate, if the request has one, to the site of this host.
fn tls_client(sites: &Sites, request: &Parts) -> Option<TlsClient> {
    let certificate = request.extensions.get::<ClientCertificate>()?.clone();
    let host = Host::of(request).ok().flatten(); // what is no host has no name
    let site = host.and_then(|host| sites.named(&host.name));
    Some(TlsClient { site: site.or(sites.default_site())?, certificate: Some(certificate) })
}

/// Adds what a connection adds.
fn complete(head: &mut response::Parts, body: &Logged, is_head: bool) {
    head.headers.insert(SERVER, HeaderValue::from_static("foobar"));
    head.headers.insert(RequestId::FIELD, body.entry().id().into());
    let has_content = !head.status.is_informational() && !matches!(head.status.as_u16(), 204 | 304);
    let length = body.size_hint().exact().filter(|length| has_content && (*length > 0 || !is_head));
    if let Some(length) = length {
        head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
}

impl Tier for InProcess {
    fn name(&self) -> &'static str {
        "web"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async {
            let requests = self.waiting.lock().await.take().ok_or(Error::Started)?;
            let work: WorkerMain = Box::new(|worker, orders| Ok(Box::pin(serve_all(worker, requests, orders))));
            Ok(self.crew.start(&self.plan(), vec![work]).await?)
        })
    }

    fn readiness(&self) -> Readiness {
        self.crew.readiness()
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(self.crew.drain(deadline))
    }

    fn unfinished(&self) -> Option<String> {
        self.crew.unfinished()
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.crew.metrics(metrics);
        self.plan().store.metrics(metrics);
    }
}

impl WebTier for InProcess {
    fn prepare<'a>(
        &'a self,
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        stream_timeout: Duration,
    ) -> Result<WebReload<'a>, BoxError> {
        let before = self.plan();
        let plan = before.next(web, sites, &self.given, stream_timeout)?;
        let warnings = plan.warnings.clone();
        Ok(WebReload::new(warnings, Vec::new(), Box::pin(async move { self.reload(&before, plan).await })))
    }

    fn sites(&self) -> Vec<SiteOverview> {
        self.plan().sites.overview()
    }

    fn warnings(&self) -> Vec<Warning> {
        self.plan().warnings.clone()
    }

    fn gate(&self) -> Option<Arc<Gate>> {
        Some(Arc::clone(self.crew.gate()))
    }

    fn addresses(&self) -> Vec<Address> {
        Vec::new()
    }
}

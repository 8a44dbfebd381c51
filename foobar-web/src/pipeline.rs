//! The request path for every version of HTTP: site, path, route, target, error page, headers, log entry. It must not
//! know a version of HTTP, or a connection.
//!
//! - `X-Accel-Redirect` goes to files only, so it cannot loop. Dot segments in it are refused: an application may have
//!   made the path from what a client said.
//! - A file that the application names is private unless somebody who knows says otherwise: the application, then the
//!   internal route's own `cache_control`. nginx lets the location inherit what its server says of public files, which
//!   made a download for a signed-in client `public, immutable`. A site's rules are for the path of the file, and the
//!   application's answer has another path, one file today and another tomorrow; so they do not count for a public
//!   route's file either. What an internal route does inherit tells nobody more: media types, codings,
//!   `content_disposition` (`attachment` protects), rates; errors are `no-store`.
//! - A panic is caught where its request is answered, and logged there with its place.

mod accel;
mod by_application;
mod handed_over;
mod logged;
mod maintenance;
mod measured_body;
mod offered;
mod refusal;

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use foobar_core::{BoxError, ConnectInfo, Handler, Problem, RequestId, Response, Scheme};
use http::header::{
    self, ALLOW, CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY,
    TRANSFER_ENCODING, VARY,
};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body::Body;
use tokio::time::Instant;

use crate::access_log::{AccessLog, Entry};
use crate::counters::{Counters, Patterns, RouteId};
use crate::gate::{Door, InFlight, MaintenanceRules};
use crate::memory::FreedAside;
use crate::net::{AddressSlot, Clients, TlsClient};
use crate::reply::{self, Reply, SAFE_FIELDS, is_error, is_for_caches};
use crate::request::{NormalPath, RequestView, origin};
use crate::site::{Site, SiteMatch, Sites};
use handed_over::too_large;
use logged::Record;

pub(crate) use logged::Logged;
pub(crate) use measured_body::MeasuredBody;
pub(crate) use offered::Offered;
pub(crate) use refusal::Refusal;

/// The request path of one worker: from a request to its answer.
pub(crate) struct Pipeline {
    pub(crate) clients: Arc<Clients>,
    pub(crate) sites: Arc<FreedAside<Sites>>,
    pub(crate) maintenance: Arc<MaintenanceRules>,
    pub(crate) door: Rc<Door>,
    pub(crate) handler: Rc<dyn Handler>,
    pub(crate) log: Rc<AccessLog>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) patterns: Patterns,
}

/// How a request came.
pub(crate) struct RequestContext {
    pub(crate) connection: ConnectInfo,
    /// What the TLS handshake of its connection said of the client.
    pub(crate) tls: Option<TlsClient>,
    /// When its first byte came.
    pub(crate) since: Instant,
}

type Fields = Vec<(HeaderName, HeaderValue)>;

/// An error of this server's own, with headers that belong to it.
struct Failure {
    problem: Problem,
    headers: Fields,
    /// The fields of `add_header`, which the page of the error may have itself; the site's where the route is not known.
    added: Option<Fields>,
    kind: Kind,
}

/// Whom an error is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The request was not taken: this is counted, and may end the connection.
    Refusal,
    /// It was taken, and this is its answer.
    Answer,
}

/// A response, and whether whoever sends it adds the handler's default fields.
struct Answer {
    response: Response,
    is_by_handler: bool,
    /// As long as the application makes its body.
    in_flight: Option<InFlight>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, is_by_handler: false, in_flight: None }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem, headers: Vec::new(), added: None, kind: Kind::Refusal }
    }
}

impl Pipeline {
    /// Answers one request, and logs it when the answer has been sent.
    pub(crate) async fn serve<B>(
        &self,
        request: &mut Parts,
        offered: Offered<B>,
        arrival: RequestContext,
    ) -> http::Response<Logged>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let id = self.name(&request.headers, &arrival);
        let (arrival, place) = self.by_client(&mut request.headers, arrival);
        let scheme = arrival.connection.scheme;
        let choice = match &place {
            Some(_) => self.sites.choose(request, scheme, arrival.tls.as_ref().map(|tls| tls.site)),
            None => Err(too_many()),
        };
        let record = self.record(request, id, &arrival, place);
        let head = request.method == Method::HEAD;
        let mut answer: Answer = match choice {
            Ok(SiteMatch::Redirect(site, status, location)) => {
                record.is_for(site.routes.of_site().id);
                let mut answer: Answer = reply::redirect(status, location).into();
                add(&mut answer.response, site.routes.of_site().added(request.uri.path().as_bytes()));
                self.add_hsts(&mut answer, site, scheme);
                answer
            }
            Ok(SiteMatch::Challenge(site, answer)) => {
                record.is_for(site.routes.of_site().id);
                reply::text(answer).into()
            }
            Ok(SiteMatch::Site(site)) => {
                record.is_for(site.routes.of_site().id);
                let mut answer = self.by_site(site, request, offered, &arrival, &record).await;
                self.add_hsts(&mut answer, site, scheme);
                answer
            }
            Err(problem) => Box::pin(self.refused(problem, &request.headers, id)).await.into(),
        };
        keep_true_length(&mut answer.response, head);
        finish(answer, record)
    }

    /// The answer of a site, or its page for an error.
    async fn by_site<B>(
        &self,
        site: &Site,
        request: &mut Parts,
        offered: Offered<B>,
        arrival: &RequestContext,
        record: &Record,
    ) -> Answer
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        if self.is_kept_out(site, request, arrival) {
            return Box::pin(self.keep_out(site, request, record)).await.into();
        }
        let pages = site.error_pages_for(request);
        let (mut answer, added) = match self.answer(site, request, offered, arrival, record).await {
            Ok(answer) => (answer, Vec::new()),
            Err(failure) => {
                let added = failure.added.unwrap_or_else(|| site.routes.of_site().added(b"/"));
                let failure = Failure { added: Some(added.clone()), ..failure };
                (self.fail(failure, &request.headers, record.id()).into(), added)
            }
        };
        if let Some(pages) = pages.filter(|pages| pages.covers(answer.response.status())) {
            self.complete(&mut answer);
            // Boxed, as all that is rare, to keep this future small.
            Box::pin(pages.apply(&mut answer.response)).await;
        }
        add(&mut answer.response, added); // to a page of the site's own, which has no policy
        answer
    }

    /// Gives an answer that was ready its line in the log; `None` if it is an error that gets a page first.
    pub(crate) fn ready(
        &self,
        (reply, route): (Reply, RouteId),
        request: &Parts,
        arrival: &RequestContext,
    ) -> Option<http::Response<Logged>> {
        let response = answer_with(reply, || None).ok()?; // its page is made by `serve`
        let record = self.record(request, RequestId::generate(), arrival, None);
        record.is_for(route);
        self.counters.at_once();
        Some(finish(response.into(), record))
    }

    /// Answers a request whose head was refused; `request` stands in its place.
    pub(crate) async fn refuse<B>(
        &self,
        request: Request<B>,
        refusal: Refusal,
        arrival: RequestContext,
    ) -> http::Response<Logged> {
        let (mut request, _) = request.into_parts();
        request.headers = refusal.fields;
        let id = self.name(&request.headers, &arrival);
        let (arrival, place) = self.by_client(&mut request.headers, arrival);
        let record = self.record(&request, id, &arrival, place);
        record.raw(refusal.line);
        let problem = Problem::new(refusal.status).detail(refusal.detail);
        let response = self.refused(problem, &request.headers, id).await;
        finish(response.into(), record)
    }

    /// The answer to a request that came to no site; the page is that of the default one.
    async fn refused(&self, problem: Problem, request: &HeaderMap, id: RequestId) -> Response {
        let mut response = self.fail(problem.into(), request, id);
        if let Some(site) = self.sites.serving(None).map(|site| self.sites.at(site)) {
            if site.error_pages.are_for(request) {
                site.error_pages.apply(&mut response).await;
            }
            add(&mut response, site.routes.of_site().added(b"/"));
        }
        SAFE_FIELDS.complete(response.headers_mut());
        response
    }

    async fn answer<B>(
        &self,
        site: &Site,
        request: &mut Parts,
        offered: Offered<B>,
        arrival: &RequestContext,
        record: &Record,
    ) -> Result<Answer, Failure>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        if request.uri.path() == "*" {
            return Ok(reply::with_field(StatusCode::OK, ALLOW, methods(site)).into());
        }
        check(request, site)?;
        let path = NormalPath::parse(request.uri.path()).map_err(|_| bad_path())?;
        let route = site.routes.find(path.as_bytes());
        record.is_for(route.id);
        if content_length(&request.headers) > route.body_limit {
            let failure = Failure::from(too_large(route.body_limit));
            return Err(Failure { added: Some(route.added(path.as_bytes())), ..failure });
        }
        // Boxed, as all that is not the application's, to keep this future small.
        if !route.is_app()
            && let Some(reply) =
                Box::pin(route.reply(RequestView::sent_by(arrival.connection.scheme, request), path.as_bytes())).await
        {
            return answer_with(reply, || Some(route.added(path.as_bytes()))).map(Answer::from);
        }
        if NormalPath::has_dot_segments(request.uri.path()) {
            request.uri = path.replace_in(&request.uri).map_err(|_| bad_path())?;
        }
        self.by_application(site, request, offered, arrival, record, route.body_limit).await
    }

    /// Adds the handler's default fields before somebody changes what the response says.
    fn complete(&self, answer: &mut Answer) {
        if std::mem::take(&mut answer.is_by_handler) {
            self.handler.default_fields().complete(answer.response.headers_mut());
        }
    }

    /// Adds what the site asks of browsers, unless the answer says it.
    fn add_hsts(&self, answer: &mut Answer, site: &Site, scheme: Scheme) {
        let is_default = || self.handler.default_fields().iter().any(|(name, _)| *name == STRICT_TRANSPORT_SECURITY);
        if let Some(hsts) = site.hsts(scheme)
            && !(answer.is_by_handler && is_default())
        {
            add(&mut answer.response, vec![(STRICT_TRANSPORT_SECURITY, hsts.clone())]);
        }
    }

    fn fail(&self, failure: Failure, request: &HeaderMap, id: RequestId) -> Response {
        let status = failure.problem.status();
        let refused = failure.kind == Kind::Refusal;
        if refused {
            self.counters.refused(status);
        }
        let mut response = failure.problem.response(request, id);
        if let Some(added) = failure.added {
            add(&mut response, added);
            SAFE_FIELDS.complete(response.headers_mut());
        }
        response.headers_mut().extend(failure.headers);
        if refused && closes(status) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The id of a request: what a trusted proxy has named it, or one of our own.
    fn name(&self, headers: &HeaderMap, arrival: &RequestContext) -> RequestId {
        if !self.clients.is_proxy(arrival.connection.remote) {
            return RequestId::generate();
        }
        let mut names = headers.get_all(RequestId::FIELD).iter();
        let name = names.next().filter(|_| names.next().is_none());
        name.and_then(|name| RequestId::given(name.as_bytes())).unwrap_or_else(RequestId::generate)
    }

    /// Finds the client, whom a trusted proxy names, and leaves what is true of what the request says of it. `None`: it has
    /// too many requests in hand.
    fn by_client(&self, headers: &mut HeaderMap, arrival: RequestContext) -> (RequestContext, Option<AddressSlot>) {
        let connection = arrival.connection;
        if !self.clients.is_proxy(connection.remote) {
            origin::strip(headers);
            return (arrival, Some(AddressSlot::default())); // its connection has one
        }
        let origin = origin::find(headers, connection.remote, |remote| self.clients.is_proxy(remote));
        origin::clean(headers, &origin);
        let scheme = origin.scheme.unwrap_or(connection.scheme); // nobody says another
        let connection = ConnectInfo { remote: origin.client, scheme, ..connection };
        (RequestContext { connection, ..arrival }, self.clients.admit(origin.client))
    }

    fn record(&self, request: &Parts, id: RequestId, arrival: &RequestContext, place: Option<AddressSlot>) -> Record {
        let remote = arrival.connection.remote.map(|remote| remote.ip());
        Record::new(Entry::new(&self.log, request, remote, id, arrival.since), place)
    }
}

/// The response with its line in the log.
fn finish(answer: Answer, record: Record) -> http::Response<Logged> {
    record.answered(answer.response.status());
    answer.response.map(|body| Logged::new(body, record, answer.is_by_handler, answer.in_flight))
}

/// Drops what an answer says of its own framing, unless the connection keeps to it or the length is that of a body that is left
/// out: a client that believed anything else would take a part of one answer for another.
fn keep_true_length(response: &mut Response, head: bool) {
    let left_out = head || response.status() == StatusCode::NOT_MODIFIED;
    let may_claim = match response.body().size_hint().exact() {
        None => true,
        Some(length) => length == 0 && left_out,
    };
    let headers = response.headers_mut();
    if !headers.keys().any(|name| name == CONTENT_LENGTH || name == TRANSFER_ENCODING) {
        return;
    }
    headers.remove(TRANSFER_ENCODING);
    let mut claims = headers.get_all(CONTENT_LENGTH).iter();
    let claim = claims.next().filter(|_| claims.next().is_none());
    let is_number = |value: &HeaderValue| value.as_bytes().iter().all(u8::is_ascii_digit) && value.len() <= DIGITS;
    if !may_claim || !claim.is_some_and(is_number) {
        headers.remove(CONTENT_LENGTH);
    }
}

/// Any number of so many digits fits into 64 bits.
const DIGITS: usize = 19;

/// What no site and no application is asked.
fn check(request: &Parts, site: &Site) -> Result<(), Failure> {
    if matches!(request.method, Method::CONNECT | Method::TRACE) {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED);
        let headers = vec![(ALLOW, methods(site))];
        return Err(Failure { headers, ..Failure::from(problem) });
    }
    let known = |expectation: &HeaderValue| expectation.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if !request.headers.get_all(EXPECT).iter().all(known) {
        let problem = Problem::new(StatusCode::EXPECTATION_FAILED);
        return Err(problem.detail("The only expectation met is 100-continue.").into());
    }
    Ok(())
}

/// Whether an error of this status ends the connection: the rest of the request is not known, or not wanted.
fn closes(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 408 | 413 | 414 | 417 | 431 | 505)
}

/// An error goes the way of all errors, with the fields that it has.
fn answer_with(reply: Reply, added: impl FnOnce() -> Option<Fields>) -> Result<Response, Failure> {
    if reply.is_bare_error() {
        let problem = Problem::new(reply.status);
        return Err(Failure { problem, headers: reply.extra, added: added(), kind: Kind::Answer });
    }
    let pace = reply.pace;
    let mut response = reply.into_response();
    if let Some(pace) = pace {
        response.extensions_mut().insert(pace);
    }
    Ok(response)
}

/// Adds the fields of `add_header` that the answer has not. An error tells every cache the same.
fn add(response: &mut Response, fields: Fields) {
    let is_error = is_error(response.status());
    let headers = response.headers_mut();
    for (name, value) in fields.into_iter().filter(|(name, _)| !is_error || !is_for_caches(name)) {
        match headers.entry(name) {
            header::Entry::Vacant(entry) => _ = entry.insert(value),
            header::Entry::Occupied(mut entry) if entry.key() == VARY => entry.append(value),
            header::Entry::Occupied(_) => {}
        }
    }
}

fn bad_path() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST).detail("The path of the request is malformed.")
}

fn too_many() -> Problem {
    let detail = "Too many requests from this address are being answered.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS).detail(detail).retry_after(1)
}

/// 0 where there is none; the connection has checked that there is at most one, of digits.
fn content_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()); // digits are text
    length.and_then(|length| length.parse().ok()).unwrap_or(0) // another has been refused
}

/// What a site as a whole allows.
fn methods(site: &Site) -> HeaderValue {
    HeaderValue::from_static(match site.routes.reach_app() {
        true => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        false => "GET, HEAD, OPTIONS",
    })
}

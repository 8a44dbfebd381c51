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
mod logged;
mod refusal;

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use foobar_core::{
    BoxError, Connection, Handler, Problem, RequestBody, RequestId, Response, ResponseBody, Scheme, Upgrade, panics,
};
use http::header::{
    ACCEPT, ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap, HeaderName, HeaderValue,
    STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body::Body;
use tokio::time::Instant;

use crate::access_log::{AccessLog, Entry};
use crate::counters::Counters;
use crate::reply::{self, Reply};
use crate::request::{Asked, LimitedBody, NormalPath};
use crate::site::{Choice, Last, Place, Site, Sites, Target};
use accel::Accel;
use logged::Record;

pub(crate) use logged::Logged;
pub(crate) use refusal::Refusal;

/// The request path of one worker: from a request to its answer.
pub(crate) struct Pipeline {
    pub(crate) sites: Arc<Sites>,
    pub(crate) handler: Rc<dyn Handler>,
    pub(crate) log: Rc<AccessLog>,
    pub(crate) counters: Arc<Counters>,
}

/// How a request came.
pub(crate) struct Arrival {
    pub(crate) connection: Connection,
    /// When its first byte came.
    pub(crate) since: Instant,
}

/// An error of this server's own, with headers that belong to it.
struct Failure {
    problem: Problem,
    headers: Vec<(HeaderName, HeaderValue)>,
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

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem, headers: Vec::new(), kind: Kind::Refusal }
    }
}

impl Pipeline {
    /// Answers one request, and logs it when the answer has been sent.
    pub(crate) async fn serve<B>(&self, request: Request<B>, arrival: Arrival) -> http::Response<Logged>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let id = RequestId::generate();
        let (mut request, body) = request.into_parts();
        let record = self.record(&request, id, &arrival);
        let head = request.method == Method::HEAD;
        let scheme = arrival.connection.scheme;
        let mut response = match self.sites.choose(&mut request, scheme) {
            Ok(Choice::Redirect(site, status, location)) => with_hsts(reply::redirect(status, location), site, scheme),
            Ok(Choice::Site(site)) => {
                let pages = site.error_pages.are_for(&request.headers).then_some(&site.error_pages);
                let answer = self.answer(site, &mut request, body, arrival.connection, id).await;
                let mut response = answer.unwrap_or_else(|failure| self.fail(failure, &request.headers, id));
                if let Some(pages) = pages {
                    Box::pin(pages.apply(&mut response)).await; // boxed, as all that is rare, to keep this future small
                }
                with_hsts(response, site, scheme)
            }
            Err(problem) => Box::pin(self.refused(problem, &request.headers, id)).await,
        };
        keep_true_length(&mut response, head);
        finish(response, record)
    }

    /// Answers a request whose head was refused; `request` stands in its place.
    pub(crate) async fn refuse<B>(
        &self,
        request: Request<B>,
        refusal: Refusal,
        arrival: Arrival,
    ) -> http::Response<Logged> {
        let id = RequestId::generate();
        let (mut request, _) = request.into_parts();
        request.headers.extend(refusal.accept.map(|accept| (ACCEPT, accept)));
        let record = self.record(&request, id, &arrival);
        record.raw(refusal.line);
        let problem = Problem::new(refusal.status).detail(refusal.detail);
        let response = self.refused(problem, &request.headers, id).await;
        finish(response, record)
    }

    /// The answer to a request that came to no site; the page is that of the default one.
    async fn refused(&self, problem: Problem, request: &HeaderMap, id: RequestId) -> Response {
        let mut response = self.fail(problem.into(), request, id);
        let site = self.sites.serving(None).map(|site| self.sites.at(site));
        if let Some(site) = site.filter(|site| site.error_pages.are_for(request)) {
            site.error_pages.apply(&mut response).await;
        }
        response
    }

    async fn answer<B>(
        &self,
        site: &Site,
        request: &mut Parts,
        body: B,
        connection: Connection,
        id: RequestId,
    ) -> Result<Response, Failure>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        if request.uri.path() == "*" {
            return Ok(reply::with_field(StatusCode::OK, ALLOW, methods(site)));
        }
        check(request, site)?;
        let path = NormalPath::parse(request.uri.path()).map_err(|_| bad_path())?;
        let route = site.routes.find(path.as_str());
        if content_length(&request.headers) > route.body_limit {
            return Err(too_large(route.body_limit).into());
        }
        match &route.target {
            Target::Redirect { status, location } => Ok(reply::redirect(*status, location.clone())),
            Target::Respond { status, body, .. } if body.is_empty() => answer_with(Reply::empty(*status, Vec::new())),
            Target::Respond { status, content_type, body } => Ok(respond(*status, content_type, body)),
            Target::Try { places, last } => match (file(places, request, path.as_str()).await, last) {
                (Some(reply), _) => answer_with(reply),
                (None, Last::Status(status)) => answer_with(Reply::empty(*status, Vec::new())),
                (None, Last::App) => {
                    if NormalPath::has_dot_segments(request.uri.path()) {
                        request.uri = path.replace_in(&request.uri).map_err(|_| bad_path())?;
                    }
                    request.extensions.insert(connection);
                    request.extensions.insert(id);
                    let response = self.hand_over(request, body, route.body_limit, id).await?;
                    match Accel::of(&response) {
                        None => Ok(accel::take(response)),
                        Some(accel) => Box::pin(follow(accel, site, request)).await,
                    }
                }
            },
        }
    }

    /// Hands the request to the application; of `request` remains what an error needs, or a file in its place.
    async fn hand_over<B>(&self, request: &mut Parts, body: B, limit: u64, id: RequestId) -> Result<Response, Problem>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let (mut parts, ()) = Request::new(()).into_parts();
        std::mem::swap(request, &mut parts);
        request.method = parts.method.clone();
        request.headers = accel::remember(&parts.headers);
        if body.is_end_stream() {
            return self.handle(Request::from_parts(parts, RequestBody::empty()), id).await;
        }
        let (body, fate) = LimitedBody::new(body, limit);
        let response = self.handle(Request::from_parts(parts, RequestBody::stream(body)), id).await;
        match fate.failure() {
            None => response,
            Some(StatusCode::PAYLOAD_TOO_LARGE) => Err(too_large(limit)),
            Some(status) => {
                Err(Problem::new(status).detail("The body of the request did not arrive whole and in time."))
            }
        }
    }

    async fn handle(&self, request: foobar_core::Request, id: RequestId) -> Result<Response, Problem> {
        let may_switch = request.extensions().get::<Upgrade>().is_some();
        let uri = request.uri().clone();
        let fault = match panics::catch_future(async { self.handler.handle(request).await }).await {
            Ok(response) if !response.status().is_informational() => return Ok(response),
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS && may_switch => return Ok(response),
            Ok(_) => "answered 1xx to a request that may not be upgraded".to_owned(),
            Err(panic) => panic.to_string(),
        };
        tracing::error!(request = %id, path = uri.path(), "the application's handler {fault}");
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR))
    }

    fn fail(&self, failure: Failure, request: &HeaderMap, id: RequestId) -> Response {
        let status = failure.problem.status();
        let refused = failure.kind == Kind::Refusal;
        if refused {
            self.counters.refused(status);
        }
        let mut response = failure.problem.response(request, id);
        response.headers_mut().extend(failure.headers);
        if refused && closes(status) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn record(&self, request: &Parts, id: RequestId, arrival: &Arrival) -> Record {
        let remote = arrival.connection.remote.map(|remote| remote.ip());
        Record::new(Entry::new(&self.log, request, remote, id, arrival.since))
    }
}

/// The response with what the site asks of browsers, unless the application has said it.
fn with_hsts(mut response: Response, site: &Site, scheme: Scheme) -> Response {
    if let Some(hsts) = site.hsts(scheme) {
        response.headers_mut().entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
    }
    response
}

/// The response with its line in the log.
fn finish(response: Response, record: Record) -> http::Response<Logged> {
    record.answered(response.status());
    response.map(|body| Logged::new(body, record))
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
        return Err(Failure { problem, headers: vec![(ALLOW, methods(site))], kind: Kind::Refusal });
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

/// The answer of the first place that has one.
async fn file(places: &[Place], request: &Parts, path: &str) -> Option<Reply> {
    if places.is_empty() {
        return None;
    }
    let asked = Asked::of(request);
    for place in places {
        let reply = Box::pin(place.serve(&asked, path)).await;
        if reply.is_some() {
            return reply;
        }
    }
    None
}

/// An error goes the way of all errors, with the fields that it has.
fn answer_with(reply: Reply) -> Result<Response, Failure> {
    let status = reply.status;
    if status.is_client_error() || status.is_server_error() {
        let headers = reply.headers().drain().filter_map(|(name, value)| Some((name?, value))).collect();
        return Err(Failure { problem: Problem::new(status), headers, kind: Kind::Answer });
    }
    let pace = reply.pace;
    let mut response = reply.into_response();
    if let Some(pace) = pace {
        response.extensions_mut().insert(pace);
    }
    Ok(response)
}

/// The file that the application names.
async fn follow(mut accel: Accel, site: &Site, request: &Parts) -> Result<Response, Failure> {
    match accel.serve(&site.routes, request).await.map_err(Failure::from).and_then(answer_with) {
        Ok(mut response) => {
            accel.announce(&mut response);
            Ok(response)
        }
        Err(mut failure) => {
            failure.headers.extend(accel.cookies());
            Err(failure)
        }
    }
}

fn bad_path() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST).detail("The path of the request is malformed.")
}

fn too_large(limit: u64) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("The request body is larger than {limit} bytes."))
}

/// 0 where there is none; the connection has checked that there is at most one, of digits.
fn content_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()); // digits are text
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn respond(status: StatusCode, content_type: &HeaderValue, body: &Bytes) -> Response {
    let response = reply::with_field(status, CONTENT_TYPE, content_type.clone());
    response.map(|_| ResponseBody::full(body.clone()))
}

/// What a site as a whole allows.
fn methods(site: &Site) -> HeaderValue {
    HeaderValue::from_static(match site.routes.reach_app() {
        true => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        false => "GET, HEAD, OPTIONS",
    })
}

use std::num::NonZeroU64;

use foobar_core::{Problem, Response};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, EXPIRES, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE, REFERRER_POLICY, SET_COOKIE, STRICT_TRANSPORT_SECURITY, VARY, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{Method, StatusCode};

use crate::reply::{self, Pace, Reply, remove_beside_cache_control};
use crate::request::{Fields, NormalPath, RequestView, Verb};
use crate::site::{Routes, is_file};
use crate::static_files::PRIVATE;

/// What an application said with `X-Accel-Redirect`: that a file is to be sent in place of its response, as in nginx.
///
/// The application's status, its body and most of its fields are dropped. The file is looked up among all routes,
/// internal ones too, and answers the client's own conditions and ranges if it was asked for with GET or HEAD.
pub(crate) struct Accel {
    target: HeaderValue,
    /// Whether it said so once.
    alone: bool,
    fields: HeaderMap,
    /// Whether the file is that of an internal route, whose rules of caching hold for this answer.
    internal: bool,
    /// `None`: the route's.
    rate: Option<Option<NonZeroU64>>,
}

/// Why no file can be sent.
#[derive(Debug, thiserror::Error)]
enum AccelError {
    #[error("it is no path of this site, encoded as in a URL and without dot segments")]
    Path,
    #[error("no route with files is there; those of the site are {0}")]
    Route(String),
    #[error("no file is there")]
    Nothing,
}

impl Accel {
    /// Takes the place of a response that asks for it.
    pub(crate) fn of(response: &Response) -> Option<Self> {
        let headers = response.headers();
        let mut targets = headers.get_all(X_ACCEL_REDIRECT).iter();
        let (target, alone) = (targets.next()?.clone(), targets.next().is_none());
        let mut fields = kept(headers, KEPT);
        for name in [CACHE_CONTROL, EXPIRES] {
            if fields.get_all(&name).iter().all(HeaderValue::is_empty) {
                fields.remove(name); // it says nothing
            }
        }
        Some(Self { target, alone, fields, internal: false, rate: rate(headers) })
    }

    /// The file, answering `request`, of which the method counts and the fields that were [remembered](remember).
    pub(crate) async fn serve(&mut self, routes: &Routes, request: &Parts) -> Result<Reply, Problem> {
        let (reply, internal) = self.find(routes, request).await.map_err(|mistake| {
            const MESSAGE: &str = "X-Accel-Redirect cannot be followed";
            Problem::new(match mistake {
                // The access log has it; its name may be what any client made of a URL, and need not fill this one.
                AccelError::Nothing => {
                    tracing::debug!(target = %self.shown(), error = %mistake, "{MESSAGE}");
                    StatusCode::NOT_FOUND
                }
                AccelError::Path | AccelError::Route(_) => {
                    tracing::error!(target = %self.shown(), error = %mistake, "{MESSAGE}");
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            })
        })?;
        self.internal = internal;
        let after = reply.pace.map_or(0, |pace| pace.after);
        let pace = self.rate.map_or(reply.pace, |rate| rate.map(|rate| Pace { rate, after })); // the route's
        Ok(Reply { pace, ..reply })
    }

    /// The target for the log, without its query, which may have secrets.
    fn shown(&self) -> String {
        let path = self.target.as_bytes().split(|byte| *byte == b'?').next().unwrap_or_default(); // there is one
        format!("{:?}", String::from_utf8_lossy(path))
    }

    /// Puts what the application said of the file in the place of what its name says.
    pub(crate) fn announce(self, response: &mut Response) {
        self.announce_caching(response.headers_mut());
        let bare = response.status() == StatusCode::NOT_MODIFIED;
        let headers = response.headers_mut();
        let mut fields = self.fields;
        for name in [CONTENT_TYPE, CONTENT_DISPOSITION, CONTENT_LANGUAGE].iter().filter(|_| bare) {
            fields.remove(name);
        }
        if headers.contains_key(CONTENT_SECURITY_POLICY) {
            fields.remove(CONTENT_SECURITY_POLICY); // a page of this server's own needs its own
        }
        let varies: Vec<_> = headers.get_all(VARY).iter().cloned().collect();
        headers.remove(VARY);
        headers.extend(fields);
        varies.into_iter().for_each(|value| _ = headers.append(VARY, value));
    }

    /// What the application says to caches stands alone. Where it says nothing, an internal route has the word, but it
    /// makes no cookie public; a public one speaks to those who ask for its file, not of an answer for one client.
    fn announce_caching(&self, headers: &mut HeaderMap) {
        let said = self.fields.contains_key(CACHE_CONTROL) || self.fields.contains_key(EXPIRES);
        let sets_cookie = self.fields.contains_key(SET_COOKIE);
        let of_route = !said && self.internal;
        if of_route && !sets_cookie {
            return;
        }
        remove_beside_cache_control(headers);
        if of_route && is_private(headers) {
            return;
        }
        headers.remove(CACHE_CONTROL);
        headers.remove(EXPIRES);
        if !said {
            headers.insert(CACHE_CONTROL, PRIVATE);
        }
    }

    /// What an error says of it: nothing but its cookies.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.fields.get_all(SET_COOKIE).iter().map(|cookie| (SET_COOKIE, cookie.clone()))
    }

    /// The file, and whether its route is internal.
    async fn find(&self, routes: &Routes, request: &Parts) -> Result<(Reply, bool), AccelError> {
        let path = self.path().ok_or(AccelError::Path)?;
        let route = routes.find_internal(path.as_bytes());
        let candidates = route.candidates();
        if candidates.is_empty() {
            return Err(AccelError::Route(routes.with_files()));
        }
        let verb = if request.method == Method::HEAD { Verb::Head } else { Verb::Get };
        let mut fields = Fields::of(&request.headers);
        if !matches!(request.method, Method::GET | Method::HEAD) {
            fields = Fields { accept: fields.accept, accept_encoding: fields.accept_encoding, ..Fields::default() };
        }
        if self.fields.contains_key(CONTENT_TYPE) {
            fields.range.take_if(|ranges| ranges.contains(&b',')); // parts would have the type of the file's name
        }
        let asked = RequestView { verb, path: "/", query: None, fields, origin: None };
        for candidate in candidates {
            if let Some(reply) = candidate.serve(&asked, path.as_bytes()).await.filter(is_file) {
                return Ok((reply, route.internal));
            }
        }
        Err(AccelError::Nothing)
    }

    /// Without its query, which no file has. Dot segments are refused, for the application may have made the path of
    /// what a client said.
    fn path(&self) -> Option<NormalPath<'_>> {
        let target = Some(self.target.as_bytes()).filter(|_| self.alone)?;
        let path = target.split(|byte| *byte == b'?').next()?;
        NormalPath::parse(path).ok().filter(|_| !NormalPath::has_dot_segments(path)) // the caller says what is wrong
    }
}

/// Whether an application's response says something to this server.
pub(crate) fn speaks(response: &Response) -> bool {
    response.headers().keys().any(is_to_us)
}

/// Takes that out of a response that names no file, as nginx does; of it its rate is kept. Of an event stream a proxy in
/// front learns that it must not be held back: nothing is, here.
pub(crate) fn take(mut response: Response) -> Response {
    let pace = rate(response.headers()).flatten().map(|rate| Pace { rate, after: 0 });
    if let Some(pace) = pace.filter(|_| response.status() != StatusCode::SWITCHING_PROTOCOLS) {
        response.extensions_mut().insert(pace);
    }
    let is_event_stream = reply::is_event_stream(response.headers());
    let stays = |name: &HeaderName| !is_to_us(name) || (is_event_stream && *name == X_ACCEL_BUFFERING);
    let names: Vec<_> = response.headers().keys().filter(|name| !stays(name)).cloned().collect();
    names.iter().for_each(|name| _ = response.headers_mut().remove(name));
    response
}

fn is_to_us(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-accel-")
}

/// Whether no cache but the client's own may keep this answer (RFC 9111 §5.2.2).
fn is_private(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()); // rules are text
    let mut directives = values.flat_map(|value| value.split(',')).map(str::trim);
    directives.any(|directive| ["private", "no-store"].iter().any(|known| directive.eq_ignore_ascii_case(known)))
}

/// 0 is `Some(None)`: no limit; no number is ignored, as in nginx.
fn rate(headers: &HeaderMap) -> Option<Option<NonZeroU64>> {
    let rate = headers.get(X_ACCEL_LIMIT_RATE)?.to_str().ok()?; // not text: no number
    rate.parse().ok().map(NonZeroU64::new) // see above
}

/// What of a request a file needs, for a request that the application gets.
pub(crate) fn remember(request: &HeaderMap) -> HeaderMap {
    let of_the_client = request.iter().filter(|(name, _)| OF_THE_CLIENT.contains(name));
    let mut kept = HeaderMap::new();
    of_the_client.for_each(|(name, value)| _ = kept.append(name, value.clone()));
    kept
}

fn kept(headers: &HeaderMap, names: impl IntoIterator<Item = HeaderName>) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in names {
        for value in headers.get_all(&name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const X_ACCEL_REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");
/// Bytes a second, 0 for no limit.
const X_ACCEL_LIMIT_RATE: HeaderName = HeaderName::from_static("x-accel-limit-rate");

const OF_THE_CLIENT: [HeaderName; 8] =
    [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE, ACCEPT, ACCEPT_ENCODING];

/// nginx's first five; the others say who may do what with the file, which its application knows best.
const KEPT: [HeaderName; 19] = [
    CONTENT_TYPE,
    CONTENT_DISPOSITION,
    CACHE_CONTROL,
    EXPIRES,
    SET_COOKIE,
    CONTENT_LANGUAGE,
    VARY,
    CONTENT_SECURITY_POLICY,
    X_FRAME_OPTIONS,
    REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    HeaderName::from_static("cross-origin-opener-policy"),
    HeaderName::from_static("cross-origin-embedder-policy"),
    HeaderName::from_static("cross-origin-resource-policy"),
    HeaderName::from_static("permissions-policy"),
    HeaderName::from_static("x-robots-tag"),
];

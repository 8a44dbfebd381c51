use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::{BufMut, Bytes};
use foobar_core::BoxError;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, Uri};
use http_body::Body;
use instant_acme::{BodyWrapper, BytesResponse};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::chain::Chain;
use super::response::parse;

/// Asks an authority: one connection for each request, as there are a dozen in two months.
#[derive(Clone)]
pub(super) struct HttpClient {
    tls: TlsConnector,
    /// The key that says where the authority is.
    key: Arc<str>,
    /// Until when the authority wants to be left alone.
    quiet_until: Arc<Mutex<Option<SystemTime>>>,
    /// The chain that has come last: whoever asks for it is not told where others are.
    chain: Arc<Mutex<Option<Chain>>>,
}

/// What a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that an authority is left alone because it says so.
const LONGEST_QUIET: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// When an authority is asked again when to renew that does not say, in seconds: six hours.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("21600");

impl HttpClient {
    /// `key` is that of the settings which says where the authority is.
    pub(super) fn new(config: Arc<rustls::ClientConfig>, key: &str) -> Self {
        Self { tls: config.into(), key: key.into(), quiet_until: Arc::default(), chain: Arc::default() }
    }

    /// Until when the authority wants to be left alone, if it does.
    pub(super) fn quiet_until(&self) -> Option<SystemTime> {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| *until <= SystemTime::now() + LONGEST_QUIET) // else the clock was wrong then
    }

    /// The chain that has come last, once.
    pub(super) fn take_chain(&self) -> Option<Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, BoxError> {
        let (url, is_get) = (request.uri().clone(), request.method() == Method::GET);
        let at = |problem: BoxError| format!("{}: {problem}", url.host().unwrap_or_default()); // told of below
        let answered = timeout(PATIENCE, self.exchange(request)).await;
        let lost = |problem: BoxError| format!("{}; is the network up, and `{}` right?", at(problem), self.key);
        let answered = answered.map_err(|_| lost(format!("no answer for {PATIENCE:?}").into()))?;
        let answered = answered.map_err(|problem| if problem.is::<io::Error>() { lost(problem) } else { at(problem) });
        let (mut parts, body) = answered?.into_parts();
        if matches!(parts.status.as_u16(), 429 | 503) {
            let quiet = parts.headers.get(RETRY_AFTER).and_then(until);
            *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner) = quiet;
        }
        if !parts.status.is_success() && !body.starts_with(b"{") {
            return Err(at(format!("it answers {} to a request for {}", parts.status, url.path()).into()).into());
        }
        if is_get && parts.headers.get(RETRY_AFTER).and_then(until).is_none() {
            parts.headers.insert(RETRY_AFTER, ASK_AGAIN); // else what it says of renewals counts for nothing
        }
        if let Some(chain) = Chain::of(&parts.headers, &body) {
            *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain);
        }
        Ok(BytesResponse { parts, body: Box::new(body) })
    }

    async fn exchange(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Response<Bytes>, BoxError> {
        let is_head = request.method() == Method::HEAD;
        let host = host(request.uri())?;
        let name = ServerName::try_from(host.clone())?;
        let port = request.uri().port_u16().unwrap_or(443); // that of https
        let socket = TcpStream::connect((host.as_str(), port)).await?;
        let mut stream = self.tls.connect(name, socket).await.map_err(with_clock)?;
        stream.write_all(&message(request).await).await?;
        let (mut read, mut room) = (Vec::new(), vec![0; 16 * 1024]);
        loop {
            let length = stream.read(&mut room).await?;
            read.extend_from_slice(&room[..length]);
            if let Some(response) = parse(&read, is_head, length == 0).map_err(io::Error::other)? {
                return Ok(response);
            }
        }
    }
}

impl instant_acme::HttpClient for HttpClient {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move { client.ask(request).await.map_err(instant_acme::Error::Other) })
    }
}

/// Why there is no connection; where it is about a certificate's dates, with what this machine's clock says.
fn with_clock(error: io::Error) -> BoxError {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    let of_tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    match of_tls {
        Some(rustls::Error::InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
        )) => {
            let now = httpdate::fmt_http_date(SystemTime::now());
            format!("{error}; this machine's clock says {now}: set it if that is wrong").into()
        }
        _ => error.into(),
    }
}

/// The host of a URL, an address without brackets.
fn host(url: &Uri) -> Result<String, BoxError> {
    match (url.scheme_str(), url.host()) {
        (Some("https"), Some(host)) => Ok(host.trim_matches(['[', ']']).to_owned()),
        _ => Err(format!("{url} is no URL of https").into()),
    }
}

/// A request with its content, which is whole already.
async fn message(request: Request<BodyWrapper<Bytes>>) -> Vec<u8> {
    let (parts, mut body) = request.into_parts();
    let content = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
    let content = content.and_then(Result::ok).and_then(|frame| frame.into_data().ok()); // it cannot fail, and is data
    let content = content.unwrap_or_default(); // many requests have none
    let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = parts.uri.authority().map_or("", |authority| authority.as_str()); // `host` has found one
    let mut message =
        format!("{} {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n", parts.method).into_bytes();
    for (name, value) in &parts.headers {
        message.put_slice(name.as_ref());
        message.put_slice(b": ");
        message.put_slice(value.as_bytes());
        message.put_slice(b"\r\n");
    }
    if parts.method == Method::POST {
        message.put_slice(format!("Content-Length: {}\r\n", content.len()).as_bytes());
    }
    message.put_slice(b"\r\n");
    message.put_slice(&content);
    message
}

fn until(value: &HeaderValue) -> Option<SystemTime> {
    retry_after(value.to_str().ok()?) // no text: no time
}

/// Seconds from now, or a date (RFC 9110 §10.2.3).
fn retry_after(value: &str) -> Option<SystemTime> {
    let now = SystemTime::now();
    let until = match value.trim().parse() {
        Ok(seconds) => now + Duration::from_secs(seconds).min(LONGEST_QUIET),
        Err(_) => httpdate::parse_http_date(value).ok()?, // no time
    };
    Some(until.min(now + LONGEST_QUIET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_leave_an_authority_alone_is_a_number_or_a_date_and_bounded() {
        let within = |value: &str, seconds: std::ops::Range<u64>| {
            let left = retry_after(value).unwrap().duration_since(SystemTime::now()).unwrap_or_default();
            assert!(seconds.contains(&left.as_secs()), "{value}: {left:?}");
        };
        within("120", 60..121);
        within(&u64::MAX.to_string(), 600_000..604_801);
        within("Fri, 31 Dec 9999 23:59:59 GMT", 600_000..604_801);
        within("Fri, 31 Dec 1999 23:59:59 GMT", 0..1);
        assert_eq!(retry_after("soon"), None);
    }
}

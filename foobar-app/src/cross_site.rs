//! Requests that a page of another site has made a browser send (CSRF): by the method, `Sec-Fetch-Site`, else `Origin`, else
//! the token of the session. A WebSocket is opened by a `GET` and is held to the same. A request that has a bearer token and no
//! cookie is what no other site can make a browser send.

mod given_token;
mod origin;

use foobar_core::{Problem, Request, Scheme};
use http::header::{AUTHORIZATION, COOKIE, ORIGIN, UPGRADE};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use origin::is_own;

pub(crate) use given_token::given_token;

/// Who has made a browser, or a program, send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A page of this very origin, the visitor by hand, or a program; or it changes nothing.
    Trusted,
    /// It does not say, and has cookies: only a token tells.
    Unknown,
    /// A page of another site, or of another host of the same.
    Stranger,
}

/// Why a request is refused: what its page says.
const BY_STRANGER: &str = "A page of another site has sent this request, so nothing was done. Open the form on this site and send \
                           it from there.";
const WITHOUT_TOKEN: &str = "Nothing was done, because it is not known which page has sent this form. Reload the page with the form \
                             and send it again. If that does not help, update your browser. A program with cookies says \
                             `Sec-Fetch-Site: same-origin`, or sends the session's token as `X-CSRF-Token`.";

impl Sender {
    /// That of a request over this scheme.
    pub(crate) fn of(request: &Request, scheme: Scheme) -> Self {
        let opens_websocket = opens_websocket(request);
        if is_safe(request.method()) && !opens_websocket {
            return Self::Trusted;
        }
        if brings_token_alone(request) {
            return Self::Trusted;
        }
        match (only(request, &SEC_FETCH_SITE), only(request, &ORIGIN)) {
            (Field::Twice, _) | (Field::None, Field::Twice) => Self::Stranger,
            (Field::Once(site), _) => Self::trusted_if(site == "same-origin" || site == "none"),
            (Field::None, Field::Once(origin)) => Self::trusted_if(is_own(origin.as_bytes(), request, scheme)),
            // A browser of any age names the origin of a WebSocket (RFC 6455 section 4.1).
            (Field::None, Field::None) if opens_websocket => Self::Trusted,
            (Field::None, Field::None) if request.headers().contains_key(COOKIE) => Self::Unknown,
            (Field::None, Field::None) => Self::Trusted, // it has nothing that another site could misuse
        }
    }

    const fn trusted_if(is_trusted: bool) -> Self {
        if is_trusted { Self::Trusted } else { Self::Stranger }
    }

    /// What a sender that is not trusted is answered.
    pub(crate) fn refusal(self) -> Problem {
        Problem::new(StatusCode::FORBIDDEN).detail(match self {
            Self::Unknown => WITHOUT_TOKEN,
            Self::Stranger | Self::Trusted => BY_STRANGER,
        })
    }
}

/// The methods that change nothing (RFC 9110 section 9.2.1), and that of tunnels, which no page can use.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::CONNECT)
}

/// Whether it has a bearer token and no cookie: no browser adds a token by itself, and a page of another site that adds one
/// knows it, so there is nothing that it could misuse.
fn brings_token_alone(request: &Request) -> bool {
    let has_token = |field: &HeaderValue| field.as_bytes().get(..7).is_some_and(|s| s.eq_ignore_ascii_case(b"Bearer "));
    !request.headers().contains_key(COOKIE)
        && matches!(only(request, &AUTHORIZATION), Field::Once(field) if has_token(field))
}

/// Whether it asks for a WebSocket: pages may open one anywhere, with the cookies of that site.
fn opens_websocket(request: &Request) -> bool {
    let mut protocols = request.headers().get_all(UPGRADE).iter().map(HeaderValue::as_bytes);
    protocols.any(|protocols| protocols.to_ascii_lowercase().windows(WEBSOCKET.len()).any(|word| word == WEBSOCKET))
}

/// As actix-ws looks for it: anywhere in the field, in any case.
const WEBSOCKET: &[u8] = b"websocket";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

enum Field<'a> {
    None,
    Once(&'a HeaderValue),
    Twice,
}

fn only<'a>(request: &'a Request, name: &HeaderName) -> Field<'a> {
    let mut values = request.headers().get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Field::None,
        (Some(value), None) => Field::Once(value),
        (Some(_), Some(_)) => Field::Twice,
    }
}

#[cfg(test)]
mod tests;

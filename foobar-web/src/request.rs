//! What of a request decides its answer: a view of it wherever it is held, its host, its path, its body. It must not
//! know sites or connections.

mod body;
pub(crate) mod host;
pub(crate) mod origin;
mod path;
pub(crate) mod target;

use std::borrow::Cow;

use foobar_core::Scheme;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::request::Parts;
use http::{HeaderMap, Method};

pub(crate) use body::{BodyOutcome, LimitedBody};
pub(crate) use host::Host;
pub(crate) use path::{NormalPath, encode_path, has_control};

/// What of a request decides which file answers it, and how; borrowed from wherever the request is.
pub(crate) struct RequestView<'a> {
    pub(crate) verb: Verb,
    /// The path as it was sent.
    pub(crate) path: &'a str,
    /// The query as it was sent, without its mark.
    pub(crate) query: Option<&'a str>,
    pub(crate) fields: Fields<'a>,
    /// `None` on the fast path, which answers nothing that depends on it.
    pub(crate) origin: Option<Origin<'a>>,
}

/// How a request was sent.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) scheme: Scheme,
    /// The host that it names, and its port.
    pub(crate) host: Option<&'a str>,
}

/// A method, as far as files know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Head,
    Options,
    /// Any other.
    Other,
}

/// The fields that an answer may depend on.
///
/// A list that came in several fields is one list (RFC 9110 §5.3). Of a field that may stand only once but came
/// several times nothing is known: it is there, and empty.
#[derive(Default)]
pub(crate) struct Fields<'a> {
    pub(crate) if_match: Field<'a>,
    pub(crate) if_none_match: Field<'a>,
    pub(crate) if_modified_since: Field<'a>,
    pub(crate) if_unmodified_since: Field<'a>,
    pub(crate) if_range: Field<'a>,
    pub(crate) range: Field<'a>,
    pub(crate) accept: Field<'a>,
    pub(crate) accept_encoding: Field<'a>,
}

pub(crate) type Field<'a> = Option<Cow<'a, [u8]>>;

impl<'a> RequestView<'a> {
    pub(crate) fn of(request: &'a Parts) -> Self {
        Self {
            verb: Verb::of(&request.method),
            path: request.uri.path(),
            query: request.uri.query(),
            fields: Fields::of(&request.headers),
            origin: None,
        }
    }

    /// The same of a request that was sent by this scheme, and whose host has been found to be one.
    pub(crate) fn sent_by(scheme: Scheme, request: &'a Parts) -> Self {
        let host = request.headers.get(HOST).and_then(|host| host.to_str().ok()); // a host is text
        Self { origin: Some(Origin { scheme, host }), ..Self::of(request) }
    }
}

impl Verb {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::OPTIONS => Self::Options,
            _ => Self::Other,
        }
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            let value = value.as_bytes();
            match *name {
                IF_MATCH => list(&mut fields.if_match, value),
                IF_NONE_MATCH => list(&mut fields.if_none_match, value),
                IF_MODIFIED_SINCE => only(&mut fields.if_modified_since, value),
                IF_UNMODIFIED_SINCE => only(&mut fields.if_unmodified_since, value),
                IF_RANGE => only(&mut fields.if_range, value),
                RANGE => only(&mut fields.range, value),
                ACCEPT => list(&mut fields.accept, value),
                ACCEPT_ENCODING => list(&mut fields.accept_encoding, value),
                _ => {}
            }
        }
        fields
    }
}

/// One more value of a list.
fn list<'a>(field: &mut Field<'a>, value: &'a [u8]) {
    *field = Some(match field.take() {
        None => Cow::Borrowed(value),
        Some(list) => Cow::Owned([&list, b", ".as_slice(), value].concat()),
    });
}

/// The value of a field that may stand only once.
fn only<'a>(field: &mut Field<'a>, value: &'a [u8]) {
    *field = Some(Cow::Borrowed(if field.is_none() { value } else { b"" }));
}

use std::ops::Range;

use super::requests::Request;
use crate::support::Response;

/// In what two answers to a request differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    Status,
    /// A header field that matters, by its name.
    Field(&'static str),
    /// Whether the connection stays open.
    Persistence,
    /// The content, or the range that it is.
    Content,
    /// The parts of a multipart answer.
    Parts,
    /// A field that Foobar has no reason to send, or sends twice.
    Stray,
}

/// The fields that matter to a client that gets content, or is told that it has it.
const FIELDS: &[&str] = &[
    "content-type",
    "content-length",
    "content-range",
    "content-encoding",
    "content-disposition",
    "last-modified",
    "accept-ranges",
    "cache-control",
    "expires",
    "vary",
];

/// All that Foobar may send.
const KNOWN: &[&str] = &[
    "accept-ranges",
    "allow",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "location",
    "server",
    "vary",
    "x-content-type-options",
    "x-policy",
    "x-request-id",
];

/// And with its own page of an error.
const OF_A_PAGE: &[&str] =
    &["cache-control", "content-security-policy", "cross-origin-opener-policy", "referrer-policy", "x-frame-options"];

/// Compares two answers to a request; where the status differs, nothing else is told.
pub(super) fn compare(request: &Request, nginx: &Response, foobar: &Response) -> Vec<Aspect> {
    let mut aspects = Vec::new();
    let mut check = |aspect, same: bool| {
        if !same {
            aspects.push(aspect);
        }
    };
    check(Aspect::Stray, !has_stray(foobar));
    check(Aspect::Status, nginx.status == foobar.status);
    if nginx.status != foobar.status {
        return aspects;
    }
    check(Aspect::Stray, foobar.headers.iter().all(|(_, value)| value.is_ascii()));
    check(Aspect::Persistence, nginx.persists() == foobar.persists());
    let mut field = |name, read: fn(&Response, &str) -> Option<String>| {
        check(Aspect::Field(name), read(nginx, name) == read(foobar, name));
    };
    field("x-policy", value);
    match foobar.status {
        200 | 206 | 304 => {
            FIELDS.iter().for_each(|name| field(name, value));
            field("etag", strength);
        }
        301 => field("location", location),
        405 => field("allow", value),
        416 => field("content-range", value),
        _ => {}
    }
    if matches!(foobar.status, 200 | 206) && request.method != "HEAD" {
        if is_multipart(nginx) || is_multipart(foobar) {
            check(Aspect::Parts, parts(nginx) == parts(foobar));
        } else {
            check(Aspect::Content, nginx.body == foobar.body);
        }
    }
    aspects
}

fn has_stray(foobar: &Response) -> bool {
    foobar.headers.iter().enumerate().any(|(number, (name, _))| {
        let page = foobar.status >= 400 && OF_A_PAGE.contains(&name.as_str());
        !(page || KNOWN.contains(&name.as_str())) || foobar.headers[..number].iter().any(|(earlier, _)| earlier == name)
    })
}

/// The boundary of parts, and so their length, is each server's own.
fn value(response: &Response, name: &str) -> Option<String> {
    let value = response.header(name)?;
    match name {
        "content-length" if is_multipart(response) => None,
        "content-type" if is_multipart(response) => Some("multipart/byteranges".to_owned()),
        _ => Some(value.to_owned()),
    }
}

/// Of a tag only whether it is there, and weak: each server makes its own.
fn strength(response: &Response, name: &str) -> Option<String> {
    let tag = response.header(name)?;
    let opaque = tag.strip_prefix("W/").unwrap_or(tag); // a strong one
    assert!(opaque.len() > 2 && opaque.starts_with('"') && opaque.ends_with('"'), "an entity tag: {tag}");
    Some(tag[..tag.len() - opaque.len()].to_owned())
}

/// Each server escapes as it likes, and nginx nothing in a query.
fn location(response: &Response, name: &str) -> Option<String> {
    let location = response.header(name)?;
    let (path, query) = location.split_once('?').unwrap_or((location, ""));
    let path = super::requests::decode(path.as_bytes()).expect("a path with good escapes");
    let escaped = |byte: u8| {
        if b"\"<>`".contains(&byte) || !byte.is_ascii() { format!("%{byte:02X}") } else { char::from(byte).into() }
    };
    Some(format!("{}?{}", path.escape_ascii(), query.bytes().map(escaped).collect::<String>()))
}

pub(super) fn is_multipart(response: &Response) -> bool {
    response.header("content-type").is_some_and(|value| value.starts_with("multipart/byteranges"))
}

/// A part of an answer of several: its type, where it lies in how many bytes, its content.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) content_type: String,
    pub(super) range: Range<usize>,
    pub(super) size: usize,
    pub(super) content: Vec<u8>,
}

/// The parts of an answer; one that is not multipart has one.
pub(super) fn parts(response: &Response) -> Vec<Part> {
    if !is_multipart(response) {
        let content_type = response.header("content-type").unwrap_or_default();
        let (range, size) = match response.header("content-range") {
            Some(range) => place(range),
            None => (0..response.body.len(), response.body.len()),
        };
        return vec![Part { content_type: content_type.to_owned(), range, size, content: response.body.clone() }];
    }
    let boundary = response.header("content-type").and_then(|value| value.split_once("boundary=")).unwrap().1;
    let mut rest = &response.body[..];
    let mut parts = Vec::new();
    loop {
        rest = rest.strip_prefix(format!("\r\n--{boundary}").as_bytes()).expect("a boundary");
        if rest == b"--\r\n" {
            return parts;
        }
        let (part, after) = part(rest.strip_prefix(b"\r\n").expect("the end of the boundary's line"));
        parts.push(part);
        rest = after;
    }
}

fn part(bytes: &[u8]) -> (Part, &[u8]) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of a part's head");
    let head = str::from_utf8(&bytes[..end]).unwrap();
    let field = |wanted: &str| {
        let mut fields = head.split("\r\n").filter_map(|line| line.split_once(": "));
        fields.find(|(name, _)| *name == wanted).unwrap_or_else(|| panic!("{wanted} in {head}")).1
    };
    let (range, size) = place(field("Content-Range"));
    let (content, after) = bytes[end + 4..].split_at(range.len());
    let content_type = field("Content-Type").to_owned();
    (Part { content_type, range, size, content: content.to_owned() }, after)
}

fn place(content_range: &str) -> (Range<usize>, usize) {
    let numbers = content_range.strip_prefix("bytes ").and_then(|rest| rest.split_once('/'));
    let (range, size) = numbers.expect("a Content-Range");
    let (first, last) = range.split_once('-').expect("a Content-Range");
    (first.parse().unwrap()..last.parse::<usize>().unwrap() + 1, size.parse().unwrap())
}

//! What a file is answered with: RFC 9110 sections 13 to 15.

use foobar_web::fuzzing::Http1Server;

use super::answer::Answer;
use super::lines::{fields, number, values};
use super::request::{Purpose, Request};

/// Whether this may be the answer to a request for a file.
pub fn check(answer: &Answer, request: &Request) {
    let may_be = |content: &&[u8]| match request.purpose() {
        Purpose::File(asked) => asked == *content,
        Purpose::Unknown => true,
        Purpose::Application | Purpose::Redirect | Purpose::Switch => false,
    };
    let mut files = Http1Server::FILES.into_iter().map(|(_, content)| content).filter(may_be);
    assert!(["GET", "HEAD"].contains(&request.method.as_str()), "{answer:?} to {request:?}");
    assert!(files.any(|content| is_of(content, answer, request)), "{answer:?} to {request:?}");
}

fn is_of(content: &[u8], answer: &Answer, request: &Request) -> bool {
    let is_head = request.method == "HEAD";
    let has_any = |names: &[&str]| names.iter().any(|name| !values(&request.fields, name).is_empty());
    match answer.status {
        200 => answer.length == Some(content.len()) && (is_head || answer.content == content),
        // A range is for GET alone (section 14.2).
        206 => !is_head && has_any(&["range"]) && are_ranges_of(content, answer),
        304 => answer.field("etag").is_some() && has_any(&["if-none-match", "if-modified-since"]),
        412 => has_any(&["if-match", "if-unmodified-since"]),
        416 => {
            let length = format!("bytes */{}", content.len());
            !is_head && has_any(&["range"]) && answer.field("content-range") == Some(&length)
        }
        _ => false,
    }
}

/// One range, or several in parts.
fn are_ranges_of(content: &[u8], answer: &Answer) -> bool {
    let kind = answer.field("content-type").unwrap_or_default();
    let Some(boundary) = kind.strip_prefix("multipart/byteranges; boundary=") else {
        let range = answer.field("content-range").and_then(|range| range_of(content, range));
        return range == Some(&answer.content);
    };
    let (delimiter, end) = (format!("\r\n--{boundary}\r\n"), format!("\r\n--{boundary}--\r\n"));
    let (mut rest, mut parts) = (&answer.content[..], 0);
    while let Some(part) = rest.strip_prefix(delimiter.as_bytes()) {
        let Some((fields, after)) = fields(part) else { return false };
        let [range] = values(&fields, "content-range")[..] else { return false };
        let Some(range) = range_of(content, range) else { return false };
        let Some(after) = after.strip_prefix(range) else { return false };
        (rest, parts) = (after, parts + 1);
    }
    parts > 1 && rest == end.as_bytes() && answer.field("content-range").is_none()
}

/// What a `Content-Range` names of a file (section 14.4).
fn range_of<'a>(content: &'a [u8], range: &str) -> Option<&'a [u8]> {
    let (range, length) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let range = content.get(first..=last).filter(|range| !range.is_empty())?;
    (number(length)? == content.len()).then_some(range)
}

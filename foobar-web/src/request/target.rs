use http::uri::{Authority, Uri};
use memchr::memchr;
use percent_encoding::{AsciiSet, utf8_percent_encode};

/// Whether a target has one of the four forms of RFC 9112 §3.2.
pub(crate) fn is_target(method: &[u8], target: &[u8]) -> bool {
    match (method, target) {
        (b"CONNECT", _) => Authority::try_from(target).is_ok_and(|authority| authority.port_u16().is_some()),
        (_, [b'/', ..]) => is_path(target),
        (b"OPTIONS", b"*") => true,
        _ => {
            let printable = target.iter().all(|b| b.is_ascii_graphic() && *b != b'#');
            let uri = Uri::try_from(target).ok().filter(|_| printable); // what is no URI is refused here
            uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")))
        }
    }
}

fn is_path(target: &[u8]) -> bool {
    let path = memchr(b'?', target).unwrap_or(target.len()); // without a query
    let is = |byte: &u8, class| CLASSES[usize::from(*byte)] & class != 0;
    target[..path].iter().all(|byte| is(byte, PATH)) && target[path..].iter().all(|byte| is(byte, QUERY))
}

/// A target that is no URI because somebody did not encode it, as browsers would have sent it; `None` if it is not
/// UTF-8.
///
/// nginx and others take such targets, and scripts send them. Encoded before anybody else reads it, it can neither be
/// read in two ways nor end up as it is in an answer or a log.
pub(crate) fn encoded(target: &[u8]) -> Option<String> {
    let text = str::from_utf8(target).ok()?; // there is one reason
    Some(utf8_percent_encode(text, UNENCODED).to_string())
}

/// The printable ASCII that `http::Uri` does not take in a path or a query, but `#`; all else that is no ASCII is
/// encoded too. White space and control characters stay, to be refused.
const UNENCODED: &AsciiSet = &AsciiSet::EMPTY.add(b'"').add(b'<').add(b'>').add(b'`');

/// The bytes that browsers send in a path as they are, which are those that `http::Uri` takes.
const PATH: u8 = 1;
/// The same for a query.
const QUERY: u8 = 2;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = class(byte as u8);
        byte += 1;
    }
    classes
}

const fn class(byte: u8) -> u8 {
    let graphic = byte.is_ascii_graphic();
    let path = graphic && !matches!(byte, b'#' | b'<' | b'>' | b'?' | b'`');
    let query = graphic && !matches!(byte, b'#' | b'<' | b'>' | b'"');
    (path as u8 * PATH) | (query as u8 * QUERY)
}

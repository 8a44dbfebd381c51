use percent_encoding::{AsciiSet, utf8_percent_encode};

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

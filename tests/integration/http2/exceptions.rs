//! Where this server does not do what the standard says, and why that stands.

use super::case::Must::{self, Answer};
use crate::support::http2::Code;

/// A case that has another end.
pub(super) struct Exception {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) comes: Must,
    /// Why it cannot be helped, and does no harm.
    _reason: &'static str,
}

const TRAILERS: &str =
    "h2 leaves the field out before anybody sees it; trailers are read by nobody here (RFC 9110 §6.5.1)";
const SPACE: &str =
    "h2 takes what HTTP/1 would trim off; it never leaves this program, so nobody reads it in another way";
const FRAGMENT: &str =
    "the type of a target leaves the fragment out before anybody sees it; what is served is the rest";

pub(super) const EXCEPTIONS: &[Exception] = &[
    except("8.3", "a pseudo-header field in trailers", Answer(1, 200), TRAILERS),
    except("8.3", ":status in trailers", Answer(1, 200), TRAILERS),
    except("8.2.1", "a value that begins with a space", Answer(1, 200), SPACE),
    except("8.2.1", "a value that begins with a tab", Answer(1, 200), SPACE),
    except("8.2.1", "a value that ends with a space", Answer(1, 200), SPACE),
    except("8.3.1", ":path with a fragment", Answer(1, 200), FRAGMENT),
];

const fn except(section: &'static str, name: &'static str, comes: Must, reason: &'static str) -> Exception {
    Exception { section, name, comes, _reason: reason }
}

/// The codes of the standard, and those that h2 sends instead where it finds the error while it decodes a frame. The
/// connection ends all the same; the code is for people who look for a fault in a client.
pub(super) const OTHER_CODES: &[(Code, Code)] = &[
    (Code::FrameSizeError, Code::ProtocolError),
    (Code::FlowControlError, Code::ProtocolError),
    (Code::CompressionError, Code::ProtocolError),
    (Code::StreamClosed, Code::ProtocolError),
];

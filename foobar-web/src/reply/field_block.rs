use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use memchr::memchr;

/// Header fields that are made once and sent many times, as they are written on an HTTP/1 connection: each a line with
/// its end. Where HTTP/2 sends them they are a map too, which is made the first time.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldBlock {
    /// `None` where there are no fields.
    made: Option<Arc<Made>>,
    lifetime: Option<Duration>,
}

#[derive(Debug)]
struct Made {
    text: Bytes,
    map: OnceLock<Box<HeaderMap>>,
}

impl FieldBlock {
    pub(crate) fn new(fields: &[(HeaderName, HeaderValue)]) -> Self {
        let line = |(name, value): &(HeaderName, HeaderValue)| {
            [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat()
        };
        Self::of(fields.iter().flat_map(line).collect())
    }

    fn of(text: Bytes) -> Self {
        let made = (!text.is_empty()).then(|| Arc::new(Made { text, map: OnceLock::new() }));
        Self { made, lifetime: None }
    }

    /// The same with `Expires`, so long after the answer.
    pub(crate) fn expiring(self, lifetime: Option<Duration>) -> Self {
        Self { lifetime, ..self }
    }

    /// How long after the answer `Expires` is; `None` where it is not sent.
    pub(crate) const fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Some of these, by their places.
    pub(crate) fn part(&self, fields: Range<usize>) -> Self {
        let length = |fields| lines(self.as_bytes()).take(fields).map(<[u8]>::len).sum::<usize>();
        let text = self.made.as_ref().map(|made| made.text.slice(length(fields.start)..length(fields.end)));
        Self::of(text.unwrap_or_default()).expiring(self.lifetime) // there are none
    }

    /// The lines, one after the other.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.made.as_ref().map_or(&[], |made| &made.text)
    }

    pub(super) fn has(&self, name: &HeaderName) -> bool {
        let is_it =
            |line: &[u8]| line.strip_prefix(name.as_str().as_bytes()).is_some_and(|rest| rest.starts_with(b":"));
        lines(self.as_bytes()).any(is_it)
    }

    /// The fields as a map, with room for those that a connection adds.
    pub(super) fn to_map(&self) -> HeaderMap {
        match &self.made {
            Some(made) => HeaderMap::clone(made.map.get_or_init(|| Box::new(made.parse()))),
            None => HeaderMap::with_capacity(USUAL_FIELDS),
        }
    }
}

impl Made {
    fn parse(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(USUAL_FIELDS);
        map.extend(lines(&self.text).filter_map(|line| {
            let (name, value) = line.strip_suffix(b"\r\n")?.split_at(memchr(b':', line)?);
            let value = HeaderValue::from_maybe_shared(self.text.slice_ref(&value[2..]));
            Some((HeaderName::from_bytes(name).ok()?, value.ok()?)) // all were fields
        }));
        map.clone() // which has no room to spare
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

/// Room for the fields of an answer, and those that the connection adds.
const USUAL_FIELDS: usize = 16;

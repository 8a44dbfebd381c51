use std::ops::Range;

/// What the reader of a head notes for whoever answers from its bytes: where in them the parts stand that matter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noted {
    method: Place,
    path: Place,
    target_end: u32,
    /// HTTP/1.0 or HTTP/1.1.
    pub(crate) minor: u8,
    fields: [Place; Field::COUNT],
    repeated: bool,
}

/// The fields that are noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Accept,
    AcceptEncoding,
    Connection,
    ContentLength,
    Expect,
    Host,
    IfMatch,
    IfModifiedSince,
    IfNoneMatch,
    IfRange,
    IfUnmodifiedSince,
    Range,
    Referer,
    TransferEncoding,
    Upgrade,
    UserAgent,
}

/// Where something stands, as a head never has 4 GiB; before the first byte of a field there is a request line, so
/// what is not there starts at 0.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    start: u32,
    end: u32,
}

impl Noted {
    /// The line is well-formed and begins at `start`; its method and target are so long.
    pub(super) fn request_line(&mut self, start: usize, method: usize, target: &[u8], minor: u8) {
        let target_start = start + method + 1;
        let path = memchr::memchr(b'?', target).unwrap_or(target.len()); // no query: all of it
        self.method = Place::of(start..start + method);
        self.path = Place::of(target_start..target_start + path);
        self.target_end = (target_start + target.len()) as u32;
        self.minor = minor;
    }

    pub(super) fn field(&mut self, field: Field, value: Range<usize>) {
        let place = &mut self.fields[field as usize];
        self.repeated |= place.start > 0;
        *place = Place::of(value);
    }

    /// Whether no field that is noted came twice: otherwise only its last value is known here.
    pub(crate) const fn is_plain(&self) -> bool {
        !self.repeated
    }

    pub(crate) fn method<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        self.method.in_head(head)
    }

    /// The target up to its query; for a target that is no path, something else.
    pub(crate) fn path<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        self.path.in_head(head)
    }

    /// What follows the first `?` of the target.
    pub(crate) fn query<'a>(&self, head: &'a [u8]) -> Option<&'a [u8]> {
        head.get(self.path.end as usize + 1..self.target_end as usize)
    }

    /// The request line without its end.
    pub(crate) fn line<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        &head[self.method.start as usize..self.target_end as usize + b" HTTP/1.1".len()]
    }

    /// The value of a field, without the blanks around it; `None` if it is not there.
    pub(crate) fn value<'a>(&self, field: Field, head: &'a [u8]) -> Option<&'a [u8]> {
        let place = self.fields[field as usize];
        (place.start > 0).then(|| place.in_head(head))
    }
}

impl Place {
    const fn of(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    fn in_head(self, head: &[u8]) -> &[u8] {
        &head[self.start as usize..self.end as usize]
    }
}

impl Field {
    const COUNT: usize = Self::UserAgent as usize + 1;

    /// The field of this name, in whatever case.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let candidates: &[(&[u8], Self)] = match name.len() {
            4 => &[(b"host", Self::Host)],
            5 => &[(b"range", Self::Range)],
            6 => &[(b"accept", Self::Accept), (b"expect", Self::Expect)],
            7 => &[(b"referer", Self::Referer), (b"upgrade", Self::Upgrade)],
            8 => &[(b"if-match", Self::IfMatch), (b"if-range", Self::IfRange)],
            10 => &[(b"user-agent", Self::UserAgent), (b"connection", Self::Connection)],
            13 => &[(b"if-none-match", Self::IfNoneMatch)],
            14 => &[(b"content-length", Self::ContentLength)],
            15 => &[(b"accept-encoding", Self::AcceptEncoding)],
            17 => &[(b"if-modified-since", Self::IfModifiedSince), (b"transfer-encoding", Self::TransferEncoding)],
            19 => &[(b"if-unmodified-since", Self::IfUnmodifiedSince)],
            _ => &[],
        };
        // In a token only a letter and its other case differ in this bit alone.
        let is = |known: &[u8]| name.iter().zip(known).fold(true, |same, (byte, known)| same & (byte | 0x20 == *known));
        candidates.iter().find(|(known, _)| is(known)).map(|(_, field)| *field)
    }
}

use std::time::{Duration, SystemTime};

use super::folder::{Folder, Place};
use crate::support::Random;

/// A request, the same for both servers but for the entity tags in it.
pub(super) struct Request {
    pub(super) method: &'static str,
    /// The request target as it is sent.
    pub(super) target: Vec<u8>,
    /// The minor version: HTTP/1.0 or HTTP/1.1.
    pub(super) minor: u8,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: &'static str,
    /// The number of the place in the folder that it grew from.
    pub(super) place: usize,
}

/// In the value of a field: the entity tag that the server gave to the file, plain and compressed.
pub(super) const TAG: &str = "{tag}";
pub(super) const TAG_OF_GZIP: &str = "{tag of gzip}";

impl Request {
    pub(super) fn generate(random: &mut Random, folder: &Folder) -> Self {
        let number = random.below(folder.paths.len() as u64) as usize;
        let place = &folder.paths[number];
        let minor = u8::from(!random.one_in(12));
        let method = method(random);
        let mut request =
            Self { method, target: target(random, &place.path), minor, fields: Vec::new(), body: "", place: number };
        request.host(random);
        request.connection(random);
        request.ranges(random, place);
        request.conditions(random, place);
        request.encodings(random);
        request.content(random);
        request
    }

    /// Asks for the fields of what lies at a place.
    pub(super) fn plain(folder: &Folder, place: usize, accept_encoding: &str) -> Self {
        let target = encode(&folder.paths[place].path, is_plain);
        let fields = vec![("Host", "localhost".to_owned()), ("Accept-Encoding", accept_encoding.to_owned())];
        Self { method: "HEAD", target, minor: 1, fields, body: "", place }
    }

    /// Asks for what lies at a path, as a browser writes it, in the version that has no chunks.
    pub(super) fn exact(method: &'static str, path: &[u8]) -> Self {
        let fields = vec![("Host", "localhost".to_owned())];
        Self { method, target: encode(path, is_plain), minor: 0, fields, body: "", place: 0 }
    }

    /// The value of a field that it has.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Its bytes for a server that gave these tags to the file.
    pub(super) fn render(&self, tag: &str, tag_of_gzip: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(300);
        bytes.extend_from_slice(self.method.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(&self.target);
        bytes.extend_from_slice(format!(" HTTP/1.{}\r\n", self.minor).as_bytes());
        for (name, value) in &self.fields {
            let value = value.replace(TAG, tag).replace(TAG_OF_GZIP, tag_of_gzip);
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_bytes());
        bytes
    }

    /// The path as it is sent, without scheme, authority and query.
    pub(super) fn raw_path(&self) -> &[u8] {
        let target = self.target.strip_prefix(b"http://localhost").unwrap_or(&self.target);
        let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
        &target[..end]
    }

    fn host(&mut self, random: &mut Random) {
        match random.below(60) {
            0 if self.minor == 0 => {}
            1 => self.add("Host", "LOCALHOST:8080"),
            2 => self.target.splice(..0, *b"http://localhost").for_each(drop),
            _ => {}
        }
        if !(self.minor == 0 && random.one_in(3)) && self.field("Host").is_none() && !random.one_in(500) {
            self.add("Host", "localhost");
        }
    }

    fn connection(&mut self, random: &mut Random) {
        let options: &[&str] = if self.minor == 0 {
            &["keep-alive", "Keep-Alive", "close"]
        } else {
            &["close", "keep-alive", "Close", "TE"]
        };
        if random.one_in(if self.minor == 0 { 2 } else { 15 }) {
            self.add("Connection", random.pick(options));
        }
    }

    fn ranges(&mut self, random: &mut Random, place: &Place) {
        let asked = if place.size > 20_000 { !random.one_in(10) } else { random.one_in(3) };
        if !asked {
            return;
        }
        self.add("Range", range(random, place.size));
        if random.one_in(4) {
            let value = condition(random, place);
            self.add("If-Range", value);
        }
    }

    fn conditions(&mut self, random: &mut Random, place: &Place) {
        for name in ["If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since"] {
            if random.one_in(8) {
                let value = if name.ends_with("Match") { tags(random) } else { date(random, place) };
                self.add(name, value);
            }
        }
    }

    fn encodings(&mut self, random: &mut Random) {
        if random.one_in(3) {
            self.add("Accept-Encoding", random.pick(ENCODINGS));
        }
    }

    fn content(&mut self, random: &mut Random) {
        if !random.one_in(if self.method == "POST" { 2 } else { 40 }) || self.method == "CONNECT" {
            return;
        }
        if self.minor == 1 && random.one_in(3) {
            self.add("Transfer-Encoding", "chunked");
            self.body = random.pick(CHUNKS);
        } else {
            self.add("Content-Length", "5");
            self.body = "hello";
        }
        if self.minor == 1 && random.one_in(6) {
            self.add("Expect", random.pick(&["100-continue", "something-else"]));
        }
    }

    fn add(&mut self, name: &'static str, value: impl AsRef<str>) {
        self.fields.push((name, value.as_ref().to_owned()));
    }
}

const ENCODINGS: &[&str] = &[
    "gzip",
    "gzip, deflate, br, zstd",
    "br;q=1.0, gzip;q=0.8, *;q=0.1",
    "gzip;q=0",
    "gzip;q=0.000, identity",
    "gzip;q=0.5, identity;q=1",
    "identity",
    "*",
    "*;q=0",
    "identity;q=0",
    "GZIP",
    "x-gzip",
    "gzip;q=2",
    "gzip;q=nonsense",
    "br",
    "",
    "deflate , gzip",
    "notgzip, gzipped",
];

/// The same content, in chunks.
const CHUNKS: &[&str] = &[
    "5\r\nhello\r\n0\r\n\r\n",
    "2\r\nhe\r\n3;a=b\r\nllo\r\n00\r\nX: y\r\n\r\n",
    "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
];

fn method(random: &mut Random) -> &'static str {
    match random.below(100) {
        0..80 => "GET",
        80..92 => "HEAD",
        92..95 => "POST",
        _ => random.pick(&["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "BREW", "get"]),
    }
}

/// A target that leads to a decoded path, mostly.
pub(super) fn target(random: &mut Random, path: &[u8]) -> Vec<u8> {
    let mut path = path.to_owned();
    if random.one_in(8) {
        detour(random, &mut path);
    }
    if random.one_in(12) {
        path.extend_from_slice(random.pick(SUFFIXES).as_bytes());
    }
    let eagerness = random.pick(&[0, 0, 0, 3, 1]);
    let mut target =
        encode(&path, |byte| is_plain(byte) && (byte == b'/' || eagerness == 0 || !random.one_in(eagerness * 2)));
    if random.one_in(12) {
        raw(random, &mut target, &path);
    }
    if random.one_in(6) {
        target.extend_from_slice(random.pick(QUERIES).as_bytes());
    }
    target
}

const SUFFIXES: &[&str] = &[
    "/",
    "//",
    "/.",
    "/..",
    "/index.html",
    ".",
    " ",
    "\0.html",
    "::$DATA",
    ".gz",
    ".gz",
    ".gz",
    "~",
    "/../..",
    "/%",
    "\\",
    "%",
    "\r\nX: y",
];
const QUERIES: &[&str] = &[
    "?",
    "?a=b",
    "?a=b?c",
    "?/../..",
    "?%00",
    "?%zz",
    "?a=%2F%2Fevil.com",
    "?//evil.com",
    "?\u{e9}=日本",
    "?<b>`\"",
    "?\\^{|}",
];
const DETOURS: &[&str] =
    &["/./", "//", "///", "/absent/../", "/.//", "/plain/../", "/../", "/.hidden/../", "/.well-known/../"];

/// Puts at one of its slashes something that leads to the same place, mostly.
fn detour(random: &mut Random, path: &mut Vec<u8>) {
    let slashes: Vec<usize> = (0..path.len()).filter(|at| path[*at] == b'/').collect();
    if let Some(at) = slashes.get(random.below(slashes.len().max(1) as u64) as usize) {
        path.splice(*at..=*at, random.pick(DETOURS).bytes());
    }
}

/// What no browser sends: bytes as they are, encoded slashes and dots, escapes that are none.
fn raw(random: &mut Random, target: &mut Vec<u8>, path: &[u8]) {
    match random.below(6) {
        0 => *target = encode(path, |byte| !b" ?#%\r\n\0".contains(&byte)),
        1 => *target = encode(path, |byte| byte != b'%' && byte > b' ' && byte < 0x7f),
        2 => *target = replace_one(random, target, b'/', random_slash),
        3 => *target = replace_one(random, target, b'.', |_| "%2e"),
        4 => target.extend_from_slice(random.pick(&["%", "%1", "%zz", "%u002e", "%00", "%c0%ae", "%ff"]).as_bytes()),
        _ => target.extend_from_slice(
            random.pick(&["#part", "<", ">", "`", "\"", "|", "^", "{", "\x7f", "\u{85}", "\u{e9}"]).as_bytes(),
        ),
    }
}

fn random_slash(random: &mut Random) -> &'static str {
    random.pick(&["%2f", "%2F", "/%2e/", "/%2e%2e/", "%5c", "\\"])
}

fn replace_one(random: &mut Random, target: &[u8], byte: u8, with: fn(&mut Random) -> &'static str) -> Vec<u8> {
    let places: Vec<usize> = (1..target.len()).filter(|at| target[*at] == byte).collect();
    let mut target = target.to_owned();
    if !places.is_empty() {
        let at = random.pick(&places);
        target.splice(at..=at, with(random).bytes());
    }
    target
}

/// Writes every byte that is not `plain` as an escape.
fn encode(path: &[u8], mut plain: impl FnMut(u8) -> bool) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(path.len() + 16);
    for byte in path {
        if plain(*byte) {
            encoded.push(*byte);
        } else {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    encoded
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)
}

/// `None` where an escape is none.
pub(super) fn decode(raw: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(if *byte == b'%' {
            let mut digit = || char::from(*bytes.next()?).to_digit(16);
            (digit()? * 16 + digit()?) as u8
        } else {
            *byte
        });
    }
    Some(decoded)
}

/// Without empty and dot segments; `None` where it leads above the root.
pub(super) fn normalise(path: &[u8]) -> Option<Vec<u8>> {
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(segments.pop()?),
            name => segments.push(name),
        }
    }
    let directory = [&b"/"[..], b"/.", b"/.."].iter().any(|end| path.ends_with(end));
    let mut normal = segments.iter().flat_map(|segment| [b"/", *segment].concat()).collect::<Vec<u8>>();
    if directory {
        normal.push(b'/');
    }
    Some(normal)
}

fn range(random: &mut Random, size: u64) -> String {
    let count = match random.below(40) {
        0..20 => 1,
        20..30 => 1 + random.below(5),
        30 => 250 + random.below(12),
        31 => return format!("bytes=0-0{}", ",9000000-".repeat(250 + random.below(12) as usize)),
        _ => return random.pick(RANGES).to_owned(),
    };
    let overlapping = random.one_in(3);
    let share = if overlapping { size } else { size / count };
    let specs = (0..count).map(|number| {
        let start = if overlapping { 0 } else { number * share };
        spec(random, start, share, size)
    });
    format!("bytes={}", specs.collect::<Vec<_>>().join(random.pick(&[",", ", ", ",", " ,\t"])))
}

/// One range: mostly within `length` bytes from `start` on.
fn spec(random: &mut Random, start: u64, length: u64, size: u64) -> String {
    let first = start + random.below(length.max(1));
    let last = first + random.below((start + length).saturating_sub(first).max(1));
    match random.below(14) {
        0 => format!("{first}-"),
        1 => format!("-{}", random.below(size + 2)),
        2 => format!("{}-{}", size, size + 5),
        3 => format!("{first}-{}", size + random.below(3)),
        4 => format!("{first}-{first}"),
        _ => format!("{first}-{last}"),
    }
}

const RANGES: &[&str] = &[
    "bytes=0-",
    "bytes=-0",
    "bytes=-1",
    "bytes=-99999999999999999999",
    "bytes=0-99999999999999999999",
    "bytes=0-18446744073709551615",
    "bytes=18446744073709551615-",
    "bytes=9223372036854775807-",
    "bytes=-9223372036854775808",
    "bytes=-9223372036854775608,0-",
    "bytes=5-1",
    "bytes=0-0,5-1",
    "bytes=",
    "bytes=-",
    "bytes=,",
    "bytes=,0-1",
    "bytes=0-1,",
    "bytes=0-1,,3-4",
    "bytes= 0-1",
    "bytes=0 - 1",
    "bytes=0-1 ",
    "bytes=0-1 2",
    "bytes=a-b",
    "bytes=0-b",
    "bytes=0x0-0x1",
    "bytes=+0-1",
    "bytes=1-2-3",
    "bytes=--1",
    "bytes",
    "Bytes=0-1",
    "BYTES=0-1",
    "bytes =0-1",
    "bytes:0-1",
    "items=0-1",
    "items=0-1,bytes=0-1",
    "",
    "0-1",
    "bytes=00000000000000000000000-0000000000000000000000001",
    "bytes=0-,0-,0-,0-",
    "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,9000000-,9000001-,9000002-,9000003-,9000004-,9000005-,9000006-,9000007-,\
     9000008-,9000009-",
    "bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0",
];

fn condition(random: &mut Random, place: &Place) -> String {
    if random.one_in(2) { date(random, place) } else { tags(random) }
}

fn tags(random: &mut Random) -> String {
    match random.below(16) {
        0..6 => TAG.to_owned(),
        6 | 7 => format!("W/{TAG}"),
        8 => format!("\"x\", {TAG}"),
        9 => format!("W/\"x,y\" ,{TAG}, \"z\""),
        10 | 11 => TAG_OF_GZIP.to_owned(),
        _ => (random.pick(&["*", "\"x\"", "W/\"x\"", "x", "", "\"", "\"x", "\"\"", "* "])).to_owned(),
    }
}

fn date(random: &mut Random, place: &Place) -> String {
    let seconds = match random.below(12) {
        0..6 => place.modified,
        6 => place.modified + 1,
        7 => place.modified.saturating_sub(1),
        8 => 2_000_000_000,
        _ => return random.pick(DATES).to_owned(),
    };
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

const DATES: &[&str] = &[
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "yesterday",
    "0",
    "",
    "Sun, 36 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994",
    "9999999999",
];

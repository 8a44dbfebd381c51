use std::io;
use std::time::{Duration, SystemTime};

use http::HeaderValue;

use super::content_type::{JAVASCRIPT, is_script};
use crate::encoding::{Coding, PerCoding, compress};
use crate::file_source::FileState;
use crate::{Error, SiteSettings};

/// In which codings the files of a site may be sent: its rules, compiled.
pub(crate) struct Encodings {
    precompressed: PerCoding<bool>,
    compress: PerCoding<bool>,
    min_size: u64,
    /// What stands before and after the `*`; a type without one is all before, and nothing may follow.
    types: Vec<(String, Option<String>)>,
}

/// Extensions of content that no coding makes smaller, in order.
const COMPRESSED: &[&str] = &[
    "7z", "avif", "br", "bz2", "gif", "gz", "heic", "jpeg", "jpg", "jxl", "m4a", "m4v", "mkv", "mov", "mp3", "mp4",
    "ogg", "ogv", "opus", "png", "rar", "svgz", "tgz", "webm", "webp", "woff", "woff2", "xz", "zip", "zst",
];

impl Encodings {
    /// `key` is the site's section. An error if a type is no media type.
    pub(crate) fn compile(key: &str, site: &SiteSettings) -> Result<Self, Error> {
        let types = site.compress_types.iter().map(|text| {
            media_range(text).ok_or_else(|| {
                let message = format!("{text:?} is no media type, such as \"text/html\", \"text/*\" or \"*+json\"");
                Error::setting(format!("{key}.compress_types"), message)
            })
        });
        Ok(Self {
            precompressed: PerCoding::of(|coding| site.precompressed.contains(&coding)),
            compress: PerCoding::of(|coding| site.compress.contains(&coding)),
            min_size: site.compress_min_size.as_u64(),
            types: with_scripts(types.collect::<Result<_, _>>()?),
        })
    }

    /// The siblings of the file at `path`, as `open` finds them: files of the same name with `.br`, `.zst` or `.gz` at
    /// its end that are not older than the file, smaller than it, and not empty. One that may not be read counts as if
    /// it were not there.
    pub(crate) fn siblings<T>(
        &self,
        path: &[u8],
        file: &FileState,
        mut open: impl FnMut(&[u8]) -> io::Result<Option<(FileState, T)>>,
    ) -> io::Result<PerCoding<Option<(FileState, T)>>> {
        let mut siblings = PerCoding::default();
        for (coding, name) in self.sibling_names(path) {
            let sibling = match open(&name) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
                opened => opened?,
            };
            siblings.set(
                coding,
                sibling.filter(|(sibling, _)| (1..file.size).contains(&sibling.size) && is_current(sibling, file)),
            );
        }
        Ok(siblings)
    }

    /// Where siblings of the file at `path` may lie.
    pub(crate) fn sibling_names(&self, path: &[u8]) -> impl Iterator<Item = (Coding, Vec<u8>)> {
        let looked_for = |coding: &Coding| *self.precompressed.get(*coding) && !is_compressed(path);
        let named = move |coding: Coding| (coding, [path, b".", coding.extension().as_bytes()].concat());
        Coding::ALL.into_iter().filter(looked_for).map(named)
    }

    /// The codings that a file of this path, `Content-Type` and size is compressed in.
    pub(crate) fn compress(&self, path: &[u8], content_type: &HeaderValue, size: u64) -> PerCoding<bool> {
        let possible =
            (self.min_size..=compress::LARGEST).contains(&size) && !is_compressed(path) && self.fits(content_type);
        PerCoding::of(|coding| possible && *self.compress.get(coding))
    }

    fn fits(&self, content_type: &HeaderValue) -> bool {
        let value = content_type.to_str().unwrap_or(""); // no type that is known has other characters
        let media_type = value.split(';').next().unwrap_or(value).trim_end(); // without its charset
        self.types.iter().any(|(before, after)| {
            let rest = media_type.strip_prefix(before.as_str());
            rest.is_some_and(|rest| after.as_ref().map_or(rest.is_empty(), |after| rest.ends_with(after.as_str())))
        })
    }
}

/// Whether a sibling is at least as new as its file. A time without a fraction is one that a tool has cut off when it
/// copied the file's: it stands for its whole second.
fn is_current(sibling: &FileState, file: &FileState) -> bool {
    let fraction = sibling.modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let until = if fraction == 0 { sibling.modified + Duration::from_nanos(999_999_999) } else { sibling.modified };
    until >= file.modified
}

/// Whether the name says that the content is compressed already.
fn is_compressed(path: &[u8]) -> bool {
    let dot = path.iter().rposition(|byte| *byte == b'.');
    let extension = dot.map(|dot| path[dot + 1..].to_ascii_lowercase());
    extension.is_some_and(|extension| COMPRESSED.binary_search_by(|known| known.as_bytes().cmp(&extension)).is_ok())
}

/// An earlier name of the type of scripts means the present one too.
fn with_scripts(mut types: Vec<(String, Option<String>)>) -> Vec<(String, Option<String>)> {
    if types.iter().any(|(before, after)| after.is_none() && is_script(before)) {
        types.push((JAVASCRIPT.to_owned(), None));
    }
    types
}

/// What stands before and after the `*` of a media range; `None` if it is none.
fn media_range(text: &str) -> Option<(String, Option<String>)> {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-/".contains(&byte); // RFC 6838 §4.2
    let text = text.to_ascii_lowercase();
    let (before, after) = text.split_once('*').map_or((text.as_str(), None), |(before, after)| (before, Some(after)));
    let known = before.bytes().chain(after.unwrap_or("").bytes()).all(is_token_byte); // nothing after is fine
    let slashes = text.matches('/').count();
    let whole = if after.is_some() { slashes <= 1 } else { slashes == 1 };
    (known && whole).then(|| (before.to_owned(), after.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::super::content_type::ContentTypes;
    use super::*;

    fn encodings(types: &[&str]) -> Result<Encodings, Error> {
        let site = SiteSettings {
            compress_types: types.iter().map(|text| (*text).to_owned()).collect(),
            ..SiteSettings::default()
        };
        Encodings::compile("sites.a", &site)
    }

    fn compresses(encodings: &Encodings, path: &str, content_type: &'static str, size: u64) -> bool {
        *encodings.compress(path.as_bytes(), &HeaderValue::from_static(content_type), size).get(Coding::Gzip)
    }

    #[test]
    fn type_size_and_name_decide_what_is_compressed() {
        let encodings = Encodings::compile("sites.a", &SiteSettings::default()).unwrap();
        for (path, content_type, size, expected) in [
            ("a.html", "text/html; charset=utf-8", 1024, true),
            ("a.html", "text/html; charset=utf-8", 1023, false),
            ("a.html", "text/html", 8 << 20, true),
            ("a.html", "text/html", (8 << 20) + 1, false),
            ("app.mjs", "application/javascript; charset=utf-8", 5000, true),
            ("a.json", "application/json", 5000, true),
            ("a.geojson", "application/geo+json", 5000, true),
            ("feed", "application/atom+xml; charset=utf-8", 5000, true),
            ("logo.svg", "image/svg+xml; charset=utf-8", 5000, true),
            ("a.wasm", "application/wasm", 5000, true),
            ("a.ttf", "font/ttf", 5000, true),
            ("a.png", "image/png", 5000, false),
            ("a.pdf", "application/pdf", 5000, false),
            ("a", "application/octet-stream", 5000, false),
            ("a.json", "application/json5", 5000, false),
            ("logo.svgz", "image/svg+xml", 5000, false),
            ("log.txt.GZ", "text/plain", 5000, false),
            ("a.gz/readme", "text/plain", 5000, true),
        ] {
            assert_eq!(compresses(&encodings, path, content_type, size), expected, "{path} {content_type} {size}");
        }
    }

    #[test]
    fn types_are_exact_or_have_one_star() {
        let encodings = encodings(&["Text/Plain", "image/*", "*+zip"]).unwrap();
        for (content_type, expected) in [
            ("text/plain", true),
            ("text/plainer", false),
            ("text/html", false),
            ("image/png", true),
            ("application/epub+zip", true),
            ("application/zip", false),
        ] {
            assert_eq!(compresses(&encodings, "a", content_type, 5000), expected, "{content_type}");
        }
        for scripts in ["application/javascript", "application/x-javascript"] {
            let encodings = self::encodings(&["text/css", scripts]).unwrap();
            assert!(compresses(&encodings, "a.js", "text/javascript; charset=utf-8", 5000), "{scripts}");
            assert!(!compresses(&encodings, "a.json", "application/json", 5000), "{scripts}");
        }
        assert!(compresses(&self::encodings(&["*"]).unwrap(), "a", "application/octet-stream", 5000));
        for bad in ["html", "", "text/*/*", "text/a;q=1", "a/b/c", "text/ html"] {
            let error = self::encodings(&[bad]).err().expect("it is no type").to_string();
            assert!(error.starts_with(&format!("`sites.a.compress_types`: {bad:?} is no media type")), "{error}");
        }
    }

    #[test]
    fn every_type_that_is_compressed_by_default_is_that_of_some_extension() {
        let site = SiteSettings::default();
        let types = ContentTypes::compile("sites.a", &site, None).unwrap();
        let extensions = "html js svc json jsonld wasm ttf otf eot ico cur bmp svg css";
        for entry in site.compress_types.iter() {
            let alone = encodings(&[entry]).unwrap();
            let is_met = |extension: &str| alone.fits(&types.announce(types.media_type(&format!("a.{extension}"))));
            assert!(extensions.split(' ').any(is_met), "{entry}");
        }
    }

    #[test]
    fn the_extensions_are_in_order() {
        assert!(COMPRESSED.is_sorted());
    }
}

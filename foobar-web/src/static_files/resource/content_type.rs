mod registered;

use std::collections::HashMap;

use http::HeaderValue;

use crate::{Error, RouteSettings, SiteSettings};
use registered::registered;

/// The media types of files, by their names.
pub(crate) struct ContentTypes {
    /// By extension, in lower case and without its dot.
    types: HashMap<String, String>,
    default: String,
    charset: String,
}

impl ContentTypes {
    /// `key` and `site` are the site's section, `route` that of the route whose files they are: its own `types` and
    /// `default_type` stand instead of the site's. An error if a type is no media type or the charset no token.
    pub(crate) fn compile(
        key: &str,
        site: &SiteSettings,
        route: Option<(&str, &RouteSettings)>,
    ) -> Result<Self, Error> {
        if !site.charset.bytes().all(is_token_byte) {
            let message = format!("{:?} is not the name of a character set, such as \"utf-8\"", site.charset);
            return Err(Error::setting(format!("{key}.charset"), message));
        }
        let of_route = route.and_then(|(key, route)| Some((key, route.default_type.as_ref()?)));
        let (at, default) = of_route.unwrap_or((key, &site.default_type)); // the site's
        let default = media_type(default).ok_or_else(|| {
            let message = format!("{default:?} is no media type, such as \"text/plain\"");
            Error::setting(format!("{at}.default_type"), message)
        })?;
        let of_route = route.and_then(|(key, route)| Some((key, route.types.as_ref()?)));
        let (at, own) = of_route.unwrap_or((key, &site.types)); // the site's
        Ok(Self { types: types(at, own)?, default, charset: site.charset.clone() })
    }

    /// The type of a file of this name, without parameters and in lower case.
    pub(crate) fn media_type(&self, name: &str) -> &str {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let own = extension.as_ref().and_then(|extension| self.types.get(extension)).map(String::as_str);
        let own = own.or_else(|| registered(extension.as_deref()?));
        own.or_else(|| mime_guess::from_path(name).first_raw()).unwrap_or(&self.default) // the name tells nothing
    }

    /// What `Content-Type` says of a file of this type.
    ///
    /// Text, JavaScript and XML carry the charset, JSON does not: it is always UTF-8 and its type has no such
    /// parameter (RFC 8259 §11).
    pub(crate) fn announce(&self, media_type: &str) -> HeaderValue {
        let value = if self.charset.is_empty() || !is_text(media_type) {
            HeaderValue::try_from(media_type)
        } else {
            HeaderValue::try_from(format!("{media_type}; charset={}", self.charset))
        };
        value.expect("a type and a token make a value")
    }
}

/// The type of scripts (RFC 9239).
pub(crate) const JAVASCRIPT: &str = "text/javascript";

/// Whether this is a name that the type of scripts had before, as the rules of other servers have it.
pub(crate) fn is_script(media_type: &str) -> bool {
    matches!(media_type, "application/javascript" | "application/x-javascript")
}

fn types(key: &str, settings: &[String]) -> Result<HashMap<String, String>, Error> {
    let mut types = HashMap::new();
    for entry in settings {
        let (name, extensions) = parse(entry).ok_or_else(|| {
            let message = format!("{entry:?} is no type; write a media type and extensions: \"text/markdown md\"");
            Error::setting(format!("{key}.types"), message)
        })?;
        types.extend(extensions.into_iter().map(|extension| (extension, name.clone())));
    }
    Ok(types)
}

fn parse(entry: &str) -> Option<(String, Vec<String>)> {
    let mut words = entry.split_whitespace();
    let name = media_type(words.next()?)?;
    let extension = |word: &str| {
        let word = word.strip_prefix('.').unwrap_or(word); // with its dot or without
        (!word.is_empty() && !word.contains(['.', '/'])).then(|| word.to_ascii_lowercase())
    };
    let extensions: Vec<_> = words.map(extension).collect::<Option<_>>()?;
    (!extensions.is_empty()).then_some((name, extensions))
}

/// In lower case; `None` if it is none, or has parameters or what looks like a variable.
fn media_type(text: &str) -> Option<String> {
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token_byte);
    let (kind, subtype) = text.split_once('/')?;
    (is_token(kind) && is_token(subtype) && !text.contains('$')).then(|| text.to_ascii_lowercase())
}

/// `tchar` of RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_text(mime: &str) -> bool {
    mime.starts_with("text/") || mime.ends_with("/javascript") || mime.ends_with("/xml") || mime.ends_with("+xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(change: impl FnOnce(&mut SiteSettings)) -> Result<ContentTypes, Error> {
        let mut site = SiteSettings::default();
        change(&mut site);
        ContentTypes::compile("sites.a", &site, None)
    }

    fn of(types: &ContentTypes, name: &str) -> HeaderValue {
        types.announce(types.media_type(name))
    }

    #[test]
    fn text_carries_the_charset_and_the_rest_does_not() {
        let types = types(|_| {}).unwrap();
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("b.CSS", "text/css; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"),
            ("segment.ts", "video/mp2t"),
            ("font.woff", "font/woff"),
            ("logo.svg", "image/svg+xml; charset=utf-8"),
            ("sitemap.xml", "text/xml; charset=utf-8"),
            ("data.json", "application/json"),
            ("logo.png", "image/png"),
            ("module.wasm", "application/wasm"),
            ("font.woff2", "font/woff2"),
            ("font.OTF", "font/otf"),
            ("live.m3u8", "application/vnd.apple.mpegurl"),
            ("cube.obj", "model/obj"),
            ("cube.stl", "model/stl"),
            ("favicon.ico", "image/vnd.microsoft.icon"),
            ("app.js.map", "application/json"),
            ("README", "application/octet-stream"),
            ("file.", "application/octet-stream"),
            ("file.unknown", "application/octet-stream"),
        ] {
            assert_eq!(of(&types, name), expected, "{name}");
        }
        assert_eq!(of(&self::types(|site| site.charset = String::new()).unwrap(), "a.html"), "text/html");
    }

    /// Where a type of ours is another than the registered one that Debian names, and why.
    const OTHERS: [(&str, &[&str]); 6] = [
        ("two are registered, and this is the one of today's programs", &["3mf", "mid", "mlp", "uvu", "uvvu", "xer"]),
        (
            "a common format has the name of a rare one",
            &[
                "art", "asc", "atx", "car", "cif", "class", "cml", "cod", "cst", "gsheet", "gsm", "key", "manifest",
                "mod", "mts", "ntf", "pml", "pot", "prc", "pub", "rct", "rs", "scd", "sgi", "sid", "skp", "smv", "svc",
                "ts", "vbk", "vbox", "wsc", "xsf",
            ],
        ),
        ("it is to be saved, and not shown by a program", &["cab", "dist", "distz", "dms", "fla", "msm", "pkg", "qxd"]),
        ("printers and viewers have always had the older one", &["afp", "list3820", "listafp"]),
        ("players look for it; as plain text a browser would show it", &["srt"]),
        ("in use by far, as nginx says, or registered nowhere", &["mdb", "xml"]),
    ];

    /// `debian.txt` has the extensions of Debian's media-types 10 and the registered types that it names for each.
    #[test]
    fn what_debian_knows_a_registered_type_of_has_none_but_that_or_an_exception_with_a_reason() {
        let types = types(|site| site.default_type = "none/none".to_owned()).unwrap();
        let pairs: Vec<(&str, &str)> =
            include_str!("content_type/debian.txt").lines().map(|line| line.split_once(' ').unwrap()).collect();
        let named = |extension: &str, ours: &str| {
            pairs.iter().any(|(known, name)| *known == extension && name.eq_ignore_ascii_case(ours))
        };
        let mut extensions: Vec<&str> = pairs.iter().map(|(extension, _)| *extension).collect();
        extensions.dedup();
        let (mut without, mut others) = (0, Vec::new());
        for extension in extensions {
            match types.media_type(&format!("a.{extension}")) {
                "none/none" => without += 1,
                ours if named(extension, ours) => {}
                _ => others.push(extension),
            }
        }
        let mut excepted = OTHERS.map(|(_, extensions)| extensions).concat();
        excepted.sort_unstable();
        assert_eq!(others, excepted);
        assert!(without <= 385, "{without} have none");
    }

    #[test]
    fn what_people_serve_has_a_type() {
        let types = types(|_| {}).unwrap();
        for (name, expected) in [
            ("talk.key", "application/vnd.apple.keynote"),
            ("letter.pages", "application/vnd.apple.pages"),
            ("budget.numbers", "application/vnd.apple.numbers"),
            ("parcels.dbf", "application/vnd.dbf"),
            ("family.ged", "text/vnd.familysearch.gedcom; charset=utf-8"),
            ("genes.gff3", "text/gff3; charset=utf-8"),
            ("photo.hif", "image/avif"),
            ("backup.age", "application/vnd.age"),
            ("font.sfd", "application/vnd.font-fontforge-sfd"),
            ("setup.msi", "application/octet-stream"),
            ("disk.iso", "application/octet-stream"),
            ("disk.dmg", "application/octet-stream"),
            ("setup.cab", "application/octet-stream"),
        ] {
            assert_eq!(of(&types, name), expected, "{name}");
        }
    }

    #[test]
    fn types_of_the_site_come_before_the_known_ones_and_the_default_after() {
        let types = types(|site| {
            site.types = ["text/x-Log log .OUT", "text/plain html"].map(str::to_owned).into_iter().collect();
            site.default_type = "text/plain".to_owned();
        });
        let types = types.unwrap();
        for (name, expected) in [
            ("a.LOG", "text/x-log; charset=utf-8"),
            ("a.out", "text/x-log; charset=utf-8"),
            ("a.html", "text/plain; charset=utf-8"),
            ("a.png", "image/png"),
            ("README", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(of(&types, name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_type_and_no_charset_is_refused() {
        let error = |change: fn(&mut SiteSettings)| types(change).err().expect("it is bad").to_string();
        let with = |entry: &str| {
            let entry = entry.to_owned();
            types(|site| site.types = [entry].into_iter().collect()).err().expect("it is bad").to_string()
        };
        assert!(error(|site| site.charset = "utf-8\r\nSet-Cookie: a=b".into()).starts_with("`sites.a.charset`: "));
        assert!(error(|site| site.default_type = "text".into()).starts_with("`sites.a.default_type`: \"text\" is no"));
        for bad in ["text/markdown", "markdown md", "text/a; charset=b md", "text/a a/b", "text/a .", ""] {
            assert!(with(bad).starts_with(&format!("`sites.a.types`: {bad:?} is no type; write")), "{bad}");
        }
    }
}

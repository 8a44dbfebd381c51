mod add_header;
mod disposition;
mod fingerprint;
mod rules;

use std::borrow::Cow;

use foobar_core::{Disposition, List, Problem, RequestId};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::content_type::ContentTypes;
use super::representation::FileHeaders;
use crate::encoding::Coding;
use crate::reply::{FieldBlock, Reply, SAFE_FIELDS, is_for_caches};
use crate::{Error, RouteSettings, SiteSettings};
use add_header::AddHeader;
use rules::Rules;

pub(crate) use rules::Caching;

/// What the files of a place are announced with, by their names: the rules of its site and route, compiled.
pub(crate) struct HeaderRules {
    types: ContentTypes,
    cache_control: Rules<Caching>,
    disposition: Rules<Disposition>,
    added: AddHeader,
    /// What the page of an error says itself.
    of_page: Vec<HeaderName>,
    /// The lines of an answer that is no file's, where they do not depend on its name.
    uniform: Option<Lines>,
    ranges: bool,
}

/// The fields of `add_header` as lines.
struct Lines {
    all: FieldBlock,
    /// Without those that the page of an error says itself, to caches among others.
    beside_page: FieldBlock,
}

/// What `Cache-Control` says of what is meant for one client: no other gets it from a cache, and this one asks again
/// before it uses it.
pub(crate) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

impl HeaderRules {
    /// `key` and `site` are the site's section, `route` that of the route whose files they are, with its key. A list
    /// of the route stands instead of the site's.
    ///
    /// An internal route has nothing of what its site says to caches, by whatever field, which is said of public files. How
    /// a browser treats a file it does inherit: `attachment` protects.
    pub(crate) fn compile(
        key: &str,
        site: &SiteSettings,
        route: Option<(&str, &RouteSettings)>,
    ) -> Result<Self, Error> {
        let of_route = |list: fn(&RouteSettings) -> Option<&List<String>>| {
            route.and_then(|(key, settings)| list(settings).map(|list| (key, &list[..])))
        };
        let internal = route.is_some_and(|(_, route)| route.internal);
        let inherited: &[String] = if internal { &[] } else { &site.cache_control };
        let (at, rules) = of_route(|route| route.cache_control.as_ref()).unwrap_or((key, inherited));
        let cache_control = Rules::compile(&format!("{at}.cache_control"), rules, &rules::CACHING)?;
        let cache_control = match internal {
            true => cache_control.otherwise(Caching { directives: PRIVATE, lifetime: None }),
            false => cache_control,
        };
        let (at, rules) =
            of_route(|route| route.content_disposition.as_ref()).unwrap_or((key, &site.content_disposition));
        let disposition = Rules::compile(&format!("{at}.content_disposition"), rules, &disposition::VALUES)?;
        let own = of_route(|route| route.add_header.as_ref());
        let (at, rules) = own.unwrap_or((key, &site.add_header));
        let added = AddHeader::compile(&format!("{at}.add_header"), rules)?;
        let added = if internal && own.is_none() { added.without_caching() } else { added };
        let page = Problem::new(StatusCode::NOT_FOUND).response(&HeaderMap::new(), RequestId::generate());
        let of_page: Vec<_> = page.headers().keys().cloned().collect();
        let uniform = added.is_uniform().then(|| Lines::new(added.fields("", ""), &of_page));
        let types = ContentTypes::compile(key, site, route)?;
        Ok(Self { types, cache_control, disposition, added, of_page, uniform, ranges: site.max_ranges > 0 })
    }

    /// An answer with the fields of `add_header`. What has header lines already, as a file has, has these among them.
    pub(crate) fn complete(&self, reply: Reply, path: &[u8]) -> Reply {
        if !reply.is_bare_error() && !reply.fields.as_bytes().is_empty() {
            return reply;
        }
        let of_its_name;
        let lines = match &self.uniform {
            Some(lines) => lines,
            None => {
                of_its_name = Lines::new(self.added(path, None), &self.of_page);
                &of_its_name
            }
        };
        let fields = if reply.is_bare_error() { &lines.beside_page } else { &lines.all };
        Reply { fields: fields.clone(), ..reply }
    }

    /// The fields of `add_header` for a path, whose last segment tells the media type unless it is given.
    pub(crate) fn added(&self, path: &[u8], media_type: Option<&str>) -> Vec<(HeaderName, HeaderValue)> {
        let name = &*name(path);
        self.added.fields(name, media_type.unwrap_or_else(|| self.types.media_type(name))) // by its name
    }

    /// Whether a rule says that the file at `path` holds its content in a coding: it is sent as it is.
    pub(crate) fn is_coded(&self, path: &[u8]) -> bool {
        let name = &*name(path);
        self.added.coding(name, self.types.media_type(name)).is_some()
    }

    /// What a file of this name, or of a path that ends with it, is announced with.
    pub(crate) fn of(&self, path: &[u8]) -> FileHeaders {
        let name = &*name(path);
        let coding = self.added.coding(name, self.types.media_type(name));
        let media_type = self.types.media_type(if coding.is_some() { uncoded(name) } else { name });
        let caching = self.cache_control.find(name, media_type);
        let disposition = self.disposition.find(name, media_type);
        let disposition = disposition.map(|disposition| (CONTENT_DISPOSITION, disposition.of(name)));
        let coding = coding.map(|coding| (CONTENT_ENCODING, coding.clone()));
        let directives = caching.map(|caching| (CACHE_CONTROL, caching.directives.clone()));
        FileHeaders {
            content_type: self.types.announce(media_type),
            fields: disposition.into_iter().chain(coding).collect(),
            lasting: directives.into_iter().chain(self.added.fields(name, media_type)).collect(),
            lifetime: caching.and_then(|caching| caching.lifetime),
            ranges: self.ranges,
        }
    }

    /// The same for a file that was asked for by its content: of caches it says this, whatever the rules say.
    pub(crate) fn of_asset(&self, path: &[u8], Caching { directives, lifetime }: Caching) -> FileHeaders {
        let mut announced = self.of(path);
        announced.lasting.retain(|(name, _)| *name != CACHE_CONTROL);
        announced.lasting.insert(0, (CACHE_CONTROL, directives));
        FileHeaders { lifetime, ..announced }
    }
}

impl Lines {
    fn new(mut fields: Vec<(HeaderName, HeaderValue)>, of_page: &[HeaderName]) -> Self {
        let all = FieldBlock::new(&fields);
        fields.retain(|(name, _)| !of_page.contains(name) && !is_for_caches(name));
        let is_said = |name: &HeaderName| fields.iter().any(|(said, _)| said == name);
        let safe: Vec<_> = SAFE_FIELDS.iter().filter(|(name, _)| !is_said(name)).cloned().collect();
        fields.extend(safe);
        Self { all, beside_page: FieldBlock::new(&fields) }
    }
}

/// The name at the end of a path, as rules know it: with U+FFFD for what is not UTF-8.
fn name(path: &[u8]) -> Cow<'_, str> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path); // without a slash it is the name
    String::from_utf8_lossy(name)
}

/// The name without what tells the coding: `app.wasm` for `app.wasm.br`.
fn uncoded(name: &str) -> &str {
    let known = |extension: &str| Coding::ALL.iter().any(|coding| extension.eq_ignore_ascii_case(coding.extension()));
    name.rsplit_once('.').filter(|(_, extension)| known(extension)).map_or(name, |(bare, _)| bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rules: &[&str]) -> List<String> {
        rules.iter().map(|rule| (*rule).to_owned()).collect()
    }

    #[test]
    fn a_list_of_the_route_stands_instead_of_the_sites() {
        let site = SiteSettings {
            cache_control: list(&["text/html no-cache", "* 1h"]),
            content_disposition: list(&[".pdf attachment"]),
            ..SiteSettings::default()
        };
        let caching = Some(list(&["fingerprinted immutable"]));
        let route = RouteSettings { cache_control: caching, ..RouteSettings::default() };
        let fields = |announce: &HeaderRules, name: &str| {
            let announced = announce.of(name.as_bytes());
            let fields = announced.lasting.into_iter().chain(announced.fields);
            fields.map(|(name, value)| format!("{name}: {}", value.to_str().expect("it is text"))).collect::<Vec<_>>()
        };
        let of_site = HeaderRules::compile("sites.a", &site, None).expect("the rules are good");
        assert_eq!(fields(&of_site, "a/b.html")[0], "cache-control: no-cache");
        assert_eq!(fields(&of_site, "b.png")[0], "cache-control: max-age=3600");
        let of_route = HeaderRules::compile("sites.a", &site, Some(("r", &route))).expect("the rules are good");
        assert_eq!(fields(&of_route, "b.png"), ["x-content-type-options: nosniff"]);
        let immutable = "cache-control: public, max-age=31536000, immutable";
        assert_eq!(fields(&of_route, "b.3f2a9c1b.png")[0], immutable);
        assert_eq!(fields(&of_route, "x/b.pdf")[1], "content-disposition: attachment; filename=\"b.pdf\"");
    }

    #[test]
    fn a_bad_rule_names_the_key_that_it_stands_under() {
        let site = SiteSettings { cache_control: list(&["* soon"]), ..SiteSettings::default() };
        let mut route = RouteSettings::default();
        let error = |site: &SiteSettings, route: &RouteSettings| {
            HeaderRules::compile("sites.a", site, Some(("sites.a.routes.x", route)))
                .err()
                .map(|error| error.to_string())
        };
        assert!(error(&site, &route).is_some_and(|error| error.starts_with("`sites.a.cache_control`: \"* soon\"")));
        route.cache_control = Some(list(&[]));
        route.content_disposition = Some(list(&["pdf inline"]));
        let error = error(&site, &route).expect("the rule is bad");
        assert!(error.starts_with("`sites.a.routes.x.content_disposition`: \"pdf inline\" is no rule"), "{error}");
    }
}

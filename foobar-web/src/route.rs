use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use foobar_core::config;
use http::StatusCode;
use http::header::HeaderValue;

use crate::path::NormalPath;
use crate::static_files::{FilesOptions, StaticFiles};
use crate::{Error, RouteSettings, SiteSettings, limits};

/// Which paths of a site go where.
pub(crate) struct Routes {
    exact: HashMap<String, Route>,
    prefixes: Vec<(String, Route)>,
    otherwise: Route,
}

/// Where the requests of a path go.
pub(crate) struct Route {
    pub(crate) target: Target,
    /// The largest request body, in bytes.
    pub(crate) body_limit: u64,
}

pub(crate) enum Target {
    /// The first of these that has an answer.
    Try(Vec<Step>),
    /// Another place.
    Redirect { status: StatusCode, location: HeaderValue },
    /// A fixed answer.
    Respond { status: StatusCode, content_type: HeaderValue, body: Bytes },
}

pub(crate) enum Step {
    /// A file in a folder; so many bytes of the path are cut off before.
    Folder { files: StaticFiles, cut: usize },
    /// One file, of this name in its folder.
    File { files: StaticFiles, name: String },
    /// The application.
    App,
}

impl Routes {
    /// `key` is the site's section; `root` its opened folder.
    pub(crate) fn compile(
        key: &str,
        settings: &SiteSettings,
        root: Option<StaticFiles>,
        has_app: bool,
        body_limit: u64,
    ) -> Result<Self, Error> {
        let mut routes = Self {
            exact: HashMap::new(),
            prefixes: Vec::new(),
            otherwise: Route { target: Target::Try(try_files(key, settings, root, has_app)?), body_limit },
        };
        for (path, route) in &settings.routes {
            let key = format!("{key}.{}", config::key(&["routes", path]));
            let limit = route.client_max_body_size.map_or(body_limit, limits::body_limit);
            let (exact, path) = parse_path(&key, path)?;
            let cut = if exact { None } else { Some(cut(path)) };
            let target = compile_target(&key, settings, route, cut, has_app)?;
            let route = Route { target, body_limit: limit };
            if exact {
                routes.exact.insert(path.to_owned(), route);
            } else {
                routes.prefixes.push((path.to_owned(), route));
            }
        }
        routes.prefixes.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Ok(routes)
    }

    /// The route of a decoded path: the exact one, else the longest prefix that ends where a segment ends.
    pub(crate) fn find(&self, path: &str) -> &Route {
        let exact = if self.exact.is_empty() { None } else { self.exact.get(path) };
        let prefix = || self.prefixes.iter().find(|(prefix, _)| is_prefix(prefix, path)).map(|(_, route)| route);
        exact.or_else(prefix).unwrap_or(&self.otherwise) // no route: what the site tries for every path
    }
}

/// Options for the files of a site.
pub(crate) fn files_options(settings: &SiteSettings, file: bool, directory_index: bool) -> FilesOptions {
    FilesOptions {
        index: settings.index.to_vec(),
        charset: settings.charset.clone(),
        max_ranges: settings.max_ranges,
        file,
        directory_index,
    }
}

fn is_prefix(prefix: &str, path: &str) -> bool {
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// How much of a path a prefix takes; the slash stays.
fn cut(prefix: &str) -> usize {
    prefix.trim_end_matches('/').len()
}

fn parse_path<'a>(key: &str, path: &'a str) -> Result<(bool, &'a str), Error> {
    let (exact, bare) = match path.strip_prefix('=') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, path),
    };
    match NormalPath::parse(bare) {
        Ok(normal) if normal.as_str() != bare => {
            let right = format!("{}{}", if exact { "= " } else { "" }, normal.as_str());
            Err(Error::setting(key, format!("a route is a decoded and normal path; write {right:?}")))
        }
        _ if bare.starts_with('/') => Ok((exact, bare)), // also with a bare `%`
        _ => Err(Error::setting(key, "a route is \"/prefix/\" or \"= /exact\"")),
    }
}

fn try_files(
    key: &str,
    settings: &SiteSettings,
    mut root: Option<StaticFiles>,
    has_app: bool,
) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    let bad = |message| Err(Error::setting(format!("{key}.try_files"), message));
    for (index, name) in settings.try_files.iter().enumerate() {
        match name.as_str() {
            "file" | "index" => steps.extend(root.take().map(|files| Step::Folder { files, cut: 0 })),
            "app" if index + 1 < settings.try_files.len() => {
                return bad("\"app\" is the last step: the application answers every path".to_owned());
            }
            "app" => steps.extend(has_app.then_some(Step::App)),
            _ => return bad(format!("{name:?} cannot be tried; accepted are \"file\", \"index\" and \"app\"")),
        }
    }
    Ok(steps)
}

/// `cut` is how much of the path is cut off before files are looked up; `None` for an exact path.
fn compile_target(
    key: &str,
    site: &SiteSettings,
    route: &RouteSettings,
    cut: Option<usize>,
    has_app: bool,
) -> Result<Target, Error> {
    match (&route.files, route.app, &route.redirect, route.respond) {
        (Some(place), false, None, None) => files(&format!("{key}.files"), site, place, cut),
        (None, true, None, None) if has_app => Ok(Target::Try(vec![Step::App])),
        (None, true, None, None) => Err(Error::setting(format!("{key}.app"), "this program has no application")),
        (None, false, Some(url), None) => redirect(key, url, route.status),
        (None, false, None, Some(status)) => respond(key, route, status),
        _ => Err(Error::setting(key, "a route has exactly one of `files`, `app`, `redirect` and `respond`")),
    }
}

/// A folder for a prefix, one file for an exact path.
fn files(key: &str, site: &SiteSettings, place: &Path, cut: Option<usize>) -> Result<Target, Error> {
    let options = files_options(site, true, cut.is_some());
    let step = match cut {
        Some(cut) => StaticFiles::open(place, options).map(|files| Step::Folder { files, cut }),
        None if place.is_dir() => {
            return Err(Error::setting(key, "an exact path takes one file, and this is a folder"));
        }
        None => StaticFiles::open_file(place, options).map(|(files, name)| Step::File { files, name }),
    };
    let step = step.map_err(|source| Error::Open { key: key.to_owned(), path: place.to_owned(), source })?;
    Ok(Target::Try(vec![step]))
}

fn redirect(key: &str, url: &str, status: u16) -> Result<Target, Error> {
    let location = HeaderValue::try_from(url).ok().filter(|location| location.to_str().is_ok()); // refused below
    let location = location.filter(|location| !location.is_empty());
    let location = location.ok_or_else(|| Error::setting(format!("{key}.redirect"), format!("{url:?} is no URL")))?;
    let status =
        StatusCode::from_u16(status).ok().filter(|status| matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308));
    let status = status.ok_or_else(|| {
        Error::setting(format!("{key}.status"), "a redirect has the status 301, 302, 303, 307 or 308")
    })?;
    Ok(Target::Redirect { status, location })
}

fn respond(key: &str, route: &RouteSettings, status: u16) -> Result<Target, Error> {
    let status = StatusCode::from_u16(status).ok().filter(|status| (200..600).contains(&status.as_u16()));
    let status = status.ok_or_else(|| Error::setting(format!("{key}.respond"), "a status is from 200 to 599"))?;
    let content_type = HeaderValue::try_from(&route.content_type).map_err(|_| {
        Error::setting(format!("{key}.content_type"), format!("{:?} is no media type", route.content_type))
    })?;
    Ok(Target::Respond { status, content_type, body: Bytes::from(route.body.clone()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut RouteSettings);

    fn site(routes: &[(&str, Change)]) -> SiteSettings {
        let mut site = SiteSettings::default();
        for (path, change) in routes {
            let mut route = RouteSettings::default();
            change(&mut route);
            site.routes.insert((*path).to_owned(), route);
        }
        site
    }

    fn compile(site: &SiteSettings) -> Result<Routes, Error> {
        Routes::compile("sites.a", site, None, true, 10)
    }

    /// The status that `path` is answered with; 0 where the application answers.
    fn status(routes: &Routes, path: &str) -> u16 {
        match &routes.find(path).target {
            Target::Respond { status, .. } | Target::Redirect { status, .. } => status.as_u16(),
            Target::Try(_) => 0,
        }
    }

    #[test]
    fn exact_beats_prefix_the_longest_prefix_wins_and_a_prefix_ends_with_a_segment() {
        let routes = compile(&site(&[
            ("/a/", |r| r.respond = Some(201)),
            ("/a/b", |r| r.respond = Some(202)),
            ("= /a/b/c", |r| r.respond = Some(203)),
            ("/old", |r| r.redirect = Some("/new".into())),
        ]));
        let routes = routes.expect("the routes are good");
        let expected = [
            ("/a/", 201),
            ("/a/x", 201),
            ("/a/b", 202),
            ("/a/b/", 202),
            ("/a/bc", 201),
            ("/a/b/c", 203),
            ("/a/b/c/", 202),
        ];
        for (path, answer) in expected.into_iter().chain([("/a", 0), ("/", 0), ("/old", 301), ("/older", 0)]) {
            assert_eq!(status(&routes, path), answer, "{path}");
        }
    }

    #[test]
    fn a_route_inherits_the_body_limit_or_has_its_own() {
        let routes = compile(&site(&[("/up/", |r| {
            r.app = true;
            r.client_max_body_size = Some(foobar_core::Size::bytes(99));
        })]));
        let routes = routes.expect("the routes are good");
        assert_eq!((routes.find("/up/x").body_limit, routes.find("/").body_limit), (99, 10));
    }

    #[test]
    fn a_route_that_no_decoded_path_matches_is_an_error_that_says_what_would() {
        let error = |path| compile(&site(&[(path, |r| r.respond = Some(200))])).err().expect(path).to_string();
        assert!(error("/c%20d/").ends_with("a route is a decoded and normal path; write \"/c d/\""));
        assert!(error("= /a/%2e/b").ends_with("; write \"= /a/b\""));
        assert!(error("/a%2fb").ends_with("; write \"/a%2Fb\""));
        assert!(error("/100%25").ends_with("; write \"/100%\""));
        assert!(
            compile(&site(&[("/c d/", |r| r.app = true), ("/a%2Fb", |r| r.app = true), ("/100%", |r| r.app = true)]))
                .is_ok()
        );
    }

    #[test]
    fn a_bad_route_is_an_error_that_names_its_key() {
        let error = |path: &'static str, change: Change| {
            compile(&site(&[(path, change)])).err().expect("the route is bad").to_string()
        };
        assert!(error("/a", |_| {}).starts_with("`sites.a.routes.\"/a\"`: a route has exactly one of"));
        assert!(error("/a", |r| (r.app, r.respond) = (true, Some(200))).contains("exactly one of"));
        assert!(error("a", |r| r.respond = Some(200)).ends_with("a route is \"/prefix/\" or \"= /exact\""));
        assert!(error("/a", |r| r.respond = Some(100)).contains("a status is from 200 to 599"));
        assert!(error("/a", |r| r.redirect = Some("/a\r\nX: y".into())).contains("is no URL"));
        assert!(error("/a", |r| (r.redirect, r.status) = (Some("/b".into()), 200)).contains(".status`"));
        assert!(error("/a", |r| r.files = Some("/nonexistent".into())).contains("cannot open /nonexistent"));
    }
}

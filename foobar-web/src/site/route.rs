mod candidate;
mod fast;
mod location;
mod path;
mod pattern;
mod target;
mod try_files;
mod variable;

use std::collections::HashMap;
use std::sync::Arc;

use foobar_core::config;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use super::overview::RouteOverview;
use crate::counters::{RouteId, RouteIds};
use crate::reply::Reply;
use crate::request::RequestView;
use crate::static_files::{Files, HeaderRules};
use crate::{Error, RouteSettings, SiteSettings, limits};

pub(crate) use candidate::{Candidate, Folder, is_file};
use path::RoutePath;
use pattern::Pattern;
pub(crate) use target::{Target, TryReply};

pub(crate) use try_files::{Fallback, looks_for_index};

/// Which paths of a site go where.
pub(crate) struct Routes {
    exact: HashMap<Vec<u8>, Route>,
    patterns: Vec<(Pattern, Route)>,
    prefixes: Vec<(String, Route)>,
    otherwise: Route,
    hidden: Route,
}

/// Where the requests of a path go.
pub(crate) struct Route {
    pub(crate) id: RouteId,
    target: Target,
    /// What answers are announced with.
    announce: Arc<HeaderRules>,
    /// The largest request body, in bytes.
    pub(crate) body_limit: u64,
    /// Whether only the application may name it.
    pub(crate) internal: bool,
    /// What the site's overview says of it; nothing where it has no path of its own.
    overview: Option<RouteOverview>,
    /// Whether the fast path may answer: whether it knows all that the settings ask for.
    pub(crate) is_fast: bool,
    /// Whether its errors have the pages of the site.
    pub(crate) error_pages: bool,
    /// Whether it answers during maintenance too.
    pub(crate) in_maintenance: bool,
}

impl Routes {
    /// `key` is the site's section, `label` its name there, `root` its folder.
    pub(crate) fn compile(
        files: &Files,
        (key, settings): (&str, &SiteSettings),
        root: Option<&Folder<'_>>,
        (ids, label): (&RouteIds, &str),
        has_app: bool,
        body_limit: u64,
    ) -> Result<Self, Error> {
        let (candidates, fallback) =
            try_files::compile(&format!("{key}.try_files"), &settings.try_files, root, has_app)?;
        let otherwise = Target::TryFiles { candidates, fallback };
        let nothing = Target::TryFiles { candidates: Vec::new(), fallback: Fallback::Status(StatusCode::NOT_FOUND) };
        let is_fast = fast::knows_site(settings);
        let announce = Arc::new(HeaderRules::compile(key, settings, None)?);
        let id = ids.of_site(label);
        let of_site = |target| Route {
            id,
            overview: None,
            target,
            announce: announce.clone(),
            body_limit,
            internal: false,
            error_pages: true,
            in_maintenance: false,
            is_fast,
        };
        let mut routes = Self {
            exact: HashMap::new(),
            patterns: Vec::new(),
            prefixes: Vec::new(),
            otherwise: of_site(otherwise),
            hidden: of_site(nothing),
        };
        for (path, route) in &settings.routes {
            routes.add(files, (key, settings), (path, route), ids, has_app)?;
        }
        routes.patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.as_str().len()));
        routes.prefixes.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Ok(routes)
    }

    /// What a route does not say itself is that of the site.
    fn add(
        &mut self,
        files: &Files,
        (key, site): (&str, &SiteSettings),
        (path, settings): (&str, &RouteSettings),
        ids: &RouteIds,
        has_app: bool,
    ) -> Result<(), Error> {
        let route_key = format!("{key}.{}", config::key(&["routes", path]));
        let overview = Some(RouteOverview::new(path, settings, site, files));
        let id = ids.of_route(self.otherwise.id, path);
        let path = RoutePath::parse(&route_key, path)?;
        let announce = Arc::new(HeaderRules::compile(key, site, Some((&route_key, settings)))?);
        let target = target::compile(files, (key, site), (&route_key, settings), &path, &announce, has_app)?;
        let route = Route {
            id,
            overview,
            is_fast: self.otherwise.is_fast && fast::knows_route(settings) && !target.needs_origin(),
            target,
            announce,
            body_limit: settings.client_max_body_size.map_or(self.otherwise.body_limit, limits::body_limit),
            internal: settings.internal,
            error_pages: settings.error_page.is_none(),
            in_maintenance: settings.in_maintenance,
        };
        match path {
            RoutePath::Exact(path) => _ = self.exact.insert(path.as_bytes().to_owned(), route),
            RoutePath::Prefix(path) => self.prefixes.push((path.to_owned(), route)),
            RoutePath::Pattern(_, pattern) => self.patterns.push((pattern, route)),
        }
        Ok(())
    }

    /// The route of a decoded path: the exact one, else the longest pattern that matches, else the longest prefix that
    /// ends where a segment ends. Of an internal one a client learns nothing.
    pub(crate) fn find(&self, path: &[u8]) -> &Route {
        let route = self.find_internal(path);
        if route.internal { &self.hidden } else { route }
    }

    /// The same for the application, which may name an internal route.
    pub(crate) fn find_internal(&self, path: &[u8]) -> &Route {
        let exact = if self.exact.is_empty() { None } else { self.exact.get(path) };
        let leads = |(prefix, route): &&(String, Route)| is_prefix(prefix, path) || route.is_folder(prefix, path);
        let prefix = || self.prefixes.iter().find(leads).map(|(_, route)| route);
        let matching = || self.patterns.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, route)| route);
        exact.or_else(matching).or_else(prefix).unwrap_or(&self.otherwise) // no route: what the site tries for every path
    }

    /// The routes in the order in which they are tried.
    pub(crate) fn overview(&self) -> Vec<RouteOverview> {
        let mut exact: Vec<_> = self.exact.iter().collect();
        exact.sort_by_key(|(path, _)| (std::cmp::Reverse(path.len()), path.as_slice())); // one at most is for a path
        let exact = exact.into_iter().map(|(_, route)| route);
        let patterns = self.patterns.iter().map(|(_, route)| route);
        let prefixes = self.prefixes.iter().map(|(_, route)| route);
        exact.chain(patterns).chain(prefixes).filter_map(|route| route.overview.clone()).collect()
    }

    /// The route of what has none: a request that is refused before its path is known.
    pub(crate) const fn of_site(&self) -> &Route {
        &self.otherwise
    }

    /// The routes with files, as they are written in the configuration; for the log.
    pub(crate) fn with_files(&self) -> String {
        let exact = self.exact.iter().map(|(path, route)| (format!("\"= {}\"", String::from_utf8_lossy(path)), route));
        let prefixes = self.prefixes.iter().map(|(path, route)| (format!("\"{path}\""), route));
        let rest = std::iter::once(("its `root`".to_owned(), &self.otherwise));
        let patterns = self.patterns.iter().map(|(pattern, route)| (format!("\"~ {}\"", pattern.as_str()), route));
        let all = exact.chain(patterns).chain(prefixes).chain(rest);
        let mut names: Vec<_> = all.filter(|(_, route)| !route.candidates().is_empty()).map(|(name, _)| name).collect();
        names.sort_unstable();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// Whether any path may lead to the application.
    pub(crate) fn reach_app(&self) -> bool {
        let routes = self.exact.values().chain(self.patterns.iter().map(|(_, route)| route));
        let routes = routes.chain(self.prefixes.iter().map(|(_, route)| route));
        routes.chain([&self.otherwise]).any(|route| route.target.reaches_app())
    }
}

impl Route {
    /// The answer to a request for a decoded path, if it is ready: it never waits and never blocks.
    pub(crate) fn try_reply(&self, asked: &RequestView<'_>, path: &[u8]) -> TryReply<'_> {
        match self.target.try_reply(asked, path) {
            TryReply::Found(reply) => TryReply::Found(self.announce.complete(reply, path)),
            other => other,
        }
    }

    /// The answer to a request for a decoded path; `None` where the application answers.
    pub(crate) async fn reply(&self, asked: RequestView<'_>, path: &[u8]) -> Option<Reply> {
        self.target.reply(asked, path).await.map(|reply| self.announce.complete(reply, path))
    }

    /// Whether every request goes to the application.
    pub(crate) const fn is_app(&self) -> bool {
        self.target.is_app()
    }

    /// Where its files may lie; nowhere for a route without files.
    pub(crate) const fn candidates(&self) -> &[Candidate] {
        self.target.candidates()
    }

    /// The fields of `add_header` for an answer of the server's own under this path.
    pub(crate) fn added(&self, path: &[u8]) -> Vec<(HeaderName, HeaderValue)> {
        self.announce.added(path, None)
    }

    /// Whether `path` is that of a folder with files, without the `/` at its end: it leads into the folder.
    fn is_folder(&self, prefix: &str, path: &[u8]) -> bool {
        prefix.strip_suffix('/').map(str::as_bytes) == Some(path) && !self.target.candidates().is_empty()
    }
}

fn is_prefix(prefix: &str, path: &[u8]) -> bool {
    let rest = path.strip_prefix(prefix.as_bytes());
    rest.is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests;

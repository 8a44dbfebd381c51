mod location;
mod target;
mod try_files;

use std::collections::HashMap;

use foobar_core::config;
use http::StatusCode;

use crate::request::NormalPath;
use crate::static_files::Files;
use crate::{Error, SiteSettings, limits};

pub(crate) use location::{Folder, Place, is_file};
pub(crate) use target::Target;
pub(crate) use try_files::Last;

/// Which paths of a site go where.
pub(crate) struct Routes {
    exact: HashMap<String, Route>,
    prefixes: Vec<(String, Route)>,
    otherwise: Route,
    hidden: Route,
}

/// Where the requests of a path go.
pub(crate) struct Route {
    pub(crate) target: Target,
    /// The largest request body, in bytes.
    pub(crate) body_limit: u64,
    /// Whether only the application may name it.
    pub(crate) internal: bool,
    /// Whether its errors have the pages of the site.
    pub(crate) error_pages: bool,
}

impl Routes {
    /// `key` is the site's section; `root` its folder.
    pub(crate) fn compile(
        files: &Files,
        key: &str,
        settings: &SiteSettings,
        root: Option<&Folder<'_>>,
        has_app: bool,
        body_limit: u64,
    ) -> Result<Self, Error> {
        let (places, last) = try_files::compile(&format!("{key}.try_files"), &settings.try_files, root, has_app)?;
        let otherwise = Target::Try { places, last };
        let nothing = Target::Try { places: Vec::new(), last: Last::Status(StatusCode::NOT_FOUND) };
        let mut routes = Self {
            exact: HashMap::new(),
            prefixes: Vec::new(),
            otherwise: Route { target: otherwise, body_limit, internal: false, error_pages: true },
            hidden: Route { target: nothing, body_limit, internal: false, error_pages: true },
        };
        for (path, route) in &settings.routes {
            let route_key = format!("{key}.{}", config::key(&["routes", path]));
            let limit = route.client_max_body_size.map_or(body_limit, limits::body_limit);
            let (exact, path) = parse_path(&route_key, path)?;
            let cut = if exact { None } else { Some(cut(path)) };
            let target = target::compile(files, (key, settings), (&route_key, route), cut, has_app)?;
            let route =
                Route { target, body_limit: limit, internal: route.internal, error_pages: route.error_page.is_none() };
            if exact {
                routes.exact.insert(path.to_owned(), route);
            } else {
                routes.prefixes.push((path.to_owned(), route));
            }
        }
        routes.prefixes.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Ok(routes)
    }

    /// The route of a decoded path: the exact one, else the longest prefix that ends where a segment ends. Of an
    /// internal one a client learns nothing.
    pub(crate) fn find(&self, path: &str) -> &Route {
        let route = self.find_internal(path);
        if route.internal { &self.hidden } else { route }
    }

    /// The same for the application, which may name an internal route.
    pub(crate) fn find_internal(&self, path: &str) -> &Route {
        let exact = if self.exact.is_empty() { None } else { self.exact.get(path) };
        let leads = |(prefix, route): &&(String, Route)| is_prefix(prefix, path) || route.is_folder(prefix, path);
        let prefix = || self.prefixes.iter().find(leads).map(|(_, route)| route);
        exact.or_else(prefix).unwrap_or(&self.otherwise) // no route: what the site tries for every path
    }

    /// The routes with files, as they are written in the configuration; for the log.
    pub(crate) fn with_files(&self) -> String {
        let exact = self.exact.iter().map(|(path, route)| (format!("\"= {path}\""), route));
        let prefixes = self.prefixes.iter().map(|(path, route)| (format!("\"{path}\""), route));
        let rest = std::iter::once(("its `root`".to_owned(), &self.otherwise));
        let has_files = |route: &Route| matches!(&route.target, Target::Try { places, .. } if !places.is_empty());
        let mut names: Vec<_> =
            exact.chain(prefixes).chain(rest).filter(|(_, route)| has_files(route)).map(|(name, _)| name).collect();
        names.sort_unstable();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// Whether any path may lead to the application.
    pub(crate) fn reach_app(&self) -> bool {
        let routes = self.exact.values().chain(self.prefixes.iter().map(|(_, route)| route));
        routes.chain([&self.otherwise]).any(|route| matches!(route.target, Target::Try { last: Last::App, .. }))
    }
}

impl Route {
    /// Whether `path` is that of a folder with files, without the `/` at its end: it leads into the folder.
    fn is_folder(&self, prefix: &str, path: &str) -> bool {
        prefix.strip_suffix('/') == Some(path)
            && matches!(&self.target, Target::Try { places, .. } if !places.is_empty())
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

#[cfg(test)]
mod tests;

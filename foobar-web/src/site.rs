//! Virtual hosts: which site answers under a name, and which route and target answer a path there (`route/`). It must
//! not know how a request came, or how files are kept.
//!
//! - A request that is refused before its site is known gets the default site's error page, as in nginx; a route that
//!   answers an error without a body gets its own site's.
//! - An internal route lists its folders only where it says so itself.

mod asset;
mod certificate_names;
mod client_rule;
mod error_page;
mod https;
mod known_host;
mod overview;
mod route;
mod server_name;
mod warning;
mod www;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foobar_core::{Assets, Problem, Scheme, config};
use http::header::HeaderValue;
use http::request::Parts;
use http::{Method, StatusCode};

use crate::counters::RouteIds;
use crate::kept::{Challenges, Kept};
use crate::limits::body_limit;
use crate::request::{Host, NormalPath, host};
use crate::static_files::Files;
use crate::{Error, SiteSettings, Warning, WebSettings, Www};
use client_rule::ClientRule;
use error_page::ErrorPages;
use https::HttpsRules;
use route::Folder;
use server_name::Form;

pub(crate) use certificate_names::certificate_names;
pub(crate) use known_host::KnownHost;
pub use overview::{RouteOverview, SiteOverview};
pub(crate) use route::{Routes, TryReply, is_file};
pub use server_name::ServerName;
pub(crate) use warning::warnings;

/// The sites of a server and the names they answer to.
pub(crate) struct Sites {
    sites: Vec<Site>,
    names: Names,
    default: Option<usize>,
    pub(crate) route_ids: Arc<RouteIds>,
    /// The port where clients find HTTPS, if the server listens for it.
    pub(crate) https_port: Option<u16>,
    /// What of them will not work as somebody may expect.
    pub(crate) warnings: Vec<Warning>,
}

/// One virtual host.
pub(crate) struct Site {
    pub(crate) routes: Arc<Routes>,
    /// Its files, for its application.
    pub(crate) assets: Assets,
    pub(crate) error_pages: ErrorPages,
    https: HttpsRules,
    client_rule: ClientRule,
    www: Www,
    /// Without its routes.
    overview: SiteOverview,
}

impl Site {
    /// The pages for errors of this request, if it gets any.
    pub(crate) fn error_pages_for(&self, request: &Parts) -> Option<&ErrorPages> {
        let is_for = self.error_pages.are_for(&request.headers) && self.has_error_pages(request.uri.path());
        is_for.then_some(&self.error_pages)
    }

    /// Whether the route of this path, as it was sent, answers during maintenance.
    pub(crate) fn answers_in_maintenance(&self, path: &str) -> bool {
        NormalPath::parse(path).is_ok_and(|path| self.routes.find(path.as_bytes()).in_maintenance)
    }

    /// Whether the route of this path, as it was sent, has them; a path that is none has no route.
    fn has_error_pages(&self, path: &str) -> bool {
        NormalPath::parse(path).map_or(true, |path| self.routes.find(path.as_bytes()).error_pages)
    }
}

/// What the host of a request leads to.
pub(crate) enum SiteMatch<'a> {
    Site(&'a Site),
    /// The same resource over HTTPS, or under the site's canonical name.
    Redirect(&'a Site, StatusCode, HeaderValue),
    /// What a certificate authority looks for.
    Challenge(&'a Site, String),
}

impl Sites {
    /// Compiles all sites and opens their folders. Without any site there is one that tries the application.
    pub(crate) fn compile(
        web: &WebSettings,
        settings: &BTreeMap<String, SiteSettings>,
        files: &Files,
        has_app: bool,
        route_ids: Arc<RouteIds>,
    ) -> Result<Self, Error> {
        let sole = BTreeMap::from([("default".to_owned(), SiteSettings::default())]);
        let settings = if settings.is_empty() { &sole } else { settings };
        let names = Names::compile(settings)?;
        settings.keys().for_each(|label| _ = route_ids.of_site(label)); // each has its own before its routes
        let (sites, warnings) = (Vec::new(), Vec::new());
        let mut sites = Self { sites, names, default: None, route_ids, https_port: None, warnings };
        for (label, site) in settings {
            sites.add(label, (web, site), files, has_app)?;
        }
        if sites.sites.len() == 1 {
            sites.default = Some(0);
        }
        Ok(sites)
    }

    /// The site that a request is for, which came on a connection whose TLS handshake went by the rules of `tls_site`. A
    /// target in absolute form is brought into the usual one.
    pub(crate) fn choose(
        &self,
        request: &mut Parts,
        scheme: Scheme,
        tls_site: Option<usize>,
    ) -> Result<SiteMatch<'_>, Problem> {
        host::normalise(request).map_err(|_| bad_host())?;
        let host = Host::of(request).map_err(|_| bad_host())?;
        let named = host.as_ref().and_then(|host| self.names.find(&host.name));
        let index = named.or(self.default).ok_or_else(misdirected)?;
        let site = &self.sites[index];
        if let Some(answer) = Self::challenge(site, request) {
            return Ok(SiteMatch::Challenge(site, answer));
        }
        if let (Some(port), true, Some(host)) = (self.https_port, site.https.redirects(scheme), &host)
            && (named.is_some() || site.https.has_stranger(&host.name))
            && let Some(location) = https::location(host, port, &request.uri)
        {
            return Ok(SiteMatch::Redirect(site, StatusCode::PERMANENT_REDIRECT, location));
        }
        let is_challenge = || tls_site.is_none() && https::is_challenge(request.uri.path());
        if !self.admits(tls_site, site) && !is_challenge() {
            return Err(other_connection());
        }
        let Some(host) = host else { return Ok(SiteMatch::Site(site)) };
        let location = self.canonical(index, &host, scheme, request);
        Ok(location.map_or(SiteMatch::Site(site), |to| SiteMatch::Redirect(site, StatusCode::MOVED_PERMANENTLY, to)))
    }

    /// Has sites answer challenges, and wait for the certificates that are ordered for them.
    pub(crate) fn wait_for(&mut self, ordered: impl Fn(&str) -> Option<(Arc<Kept>, Arc<Challenges>)>) {
        self.sites.iter_mut().for_each(|site| site.https.wait_for(ordered(&site.overview.label)));
    }

    /// What an authority gets that looks whether a name is this site's.
    fn challenge(site: &Site, request: &Parts) -> Option<String> {
        let challenges = site.https.challenges()?;
        let is_asked = matches!(request.method, Method::GET | Method::HEAD);
        https::token(request.uri.path()).filter(|_| is_asked).and_then(|token| challenges.answer(token))
    }

    /// The site that answers under this host itself; `None` where another name, an error or nothing is the answer.
    pub(crate) fn serving(&self, host: Option<&str>) -> Option<usize> {
        let Some(host) = host else { return self.default };
        let host = Host::parse(host).ok()?; // no host: an error is the answer
        let index = self.names.find(&host.name).or(self.default)?;
        let canonical = www::canonical_name(self.sites[index].www, &host.name);
        canonical.is_none_or(|name| self.names.find(&name) != Some(index)).then_some(index)
    }

    /// The site that has this name, in lower case, or one that stands for it.
    pub(crate) fn named(&self, name: &str) -> Option<usize> {
        self.names.find(name)
    }

    /// The site that answers to names that none has.
    pub(crate) const fn default_site(&self) -> Option<usize> {
        self.default
    }

    /// Whether a site answers on a connection whose TLS handshake went by the rules of `tls_site`; `None` is one without TLS.
    pub(crate) fn admits(&self, tls_site: Option<usize>, site: &Site) -> bool {
        match tls_site {
            None => site.client_rule.admits(None),
            Some(handshake) => {
                let rule = self.sites.get(handshake).map(|handshake| &handshake.client_rule); // none has its rule any more
                rule.is_some_and(|rule| site.client_rule.admits(Some(rule)))
            }
        }
    }

    /// The number of a site that asks of clients what that of this number among `others` does; one that no site has if none
    /// asks for it.
    pub(crate) fn with_rule_of(&self, others: &Self, number: usize) -> usize {
        let rule = others.sites.get(number).map(|site| &site.client_rule);
        let same = self.sites.iter().position(|site| Some(&site.client_rule) == rule);
        same.unwrap_or(usize::MAX) // connections of that rule are for none of these sites
    }

    /// Whether requests over this scheme are redirected to HTTPS at a site, but for some.
    pub(crate) fn redirects(&self, site: &Site, scheme: Scheme) -> bool {
        self.https_port.is_some() && site.https.redirects(scheme)
    }

    /// Whether a site's answers differ by the scheme.
    pub(crate) fn heeds_scheme(&self, site: &Site) -> bool {
        self.redirects(site, Scheme::Http) || site.hsts(Scheme::Https).is_some()
    }

    /// The sites in the order of their labels.
    pub(crate) fn overview(&self) -> Vec<SiteOverview> {
        self.sites.iter().map(|site| SiteOverview { routes: site.routes.overview(), ..site.overview.clone() }).collect()
    }

    /// The site of this number.
    pub(crate) fn at(&self, index: usize) -> &Site {
        &self.sites[index]
    }

    fn canonical(&self, index: usize, host: &Host<'_>, scheme: Scheme, request: &Parts) -> Option<HeaderValue> {
        let name = www::canonical_name(self.sites[index].www, &host.name)?;
        // Only to a name that is this site's: who comes by address, or by a name nobody has, stays where he is.
        if self.names.find(&name) != Some(index) {
            return None;
        }
        www::under(&name, scheme, host, &request.uri)
    }

    fn add(
        &mut self,
        label: &str,
        (web, site): (&WebSettings, &SiteSettings),
        files: &Files,
        has_app: bool,
    ) -> Result<(), Error> {
        let key = &config::key(&["sites", label]);
        let index = self.sites.len();
        if site.default && self.default.replace(index).is_some() {
            return Err(Error::setting(format!("{key}.default"), "another site is the default already"));
        }
        if let Some(name) =
            site.index.iter().find(|name| matches!(name.as_str(), "" | "." | "..") || name.contains('/'))
        {
            let message = format!("{name:?} is no name of a file in a folder; write for example \"index.html\"");
            return Err(Error::setting(format!("{key}.index"), message));
        }
        let root = site.root.as_deref().map(|path| Folder::new(files, path, 0, (key, site), None));
        let body_limit = body_limit(site.client_max_body_size.unwrap_or(web.client_max_body_size)); // the site's, or the server's
        let (error_pages, missing) = ErrorPages::compile(key, site, root.as_ref())?;
        self.warnings.extend(missing);
        let ids = (&*self.route_ids, label);
        let routes = Arc::new(Routes::compile(files, (key, site), root.as_ref(), ids, has_app, body_limit)?);
        self.sites.push(Site {
            error_pages,
            assets: asset::assets(&routes),
            routes,
            https: HttpsRules::compile(key, site)?,
            client_rule: ClientRule::compile(key, site)?,
            www: site.www,
            overview: SiteOverview::new(label, site, files, has_app),
        });
        Ok(())
    }
}

impl Site {
    /// Whether the pipeline looks at this path first, as an authority may ask for it.
    pub(crate) fn is_challenge(&self, path: &str) -> bool {
        self.https.challenges().is_some() && https::token(path).is_some()
    }

    /// What `Strict-Transport-Security` says on a connection of this scheme.
    pub(crate) fn hsts(&self, scheme: Scheme) -> Option<&HeaderValue> {
        self.https.hsts(scheme)
    }
}

fn bad_host() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST).detail("The request does not name one well-formed host.")
}

fn misdirected() -> Problem {
    Problem::new(StatusCode::MISDIRECTED_REQUEST).detail("This server has no site of that name.")
}

fn other_connection() -> Problem {
    let detail =
        "This site has other rules for TLS than the name that the connection was made for: ask on one of its own.";
    Problem::new(StatusCode::MISDIRECTED_REQUEST).detail(detail)
}

/// The names of all sites. Exact beats wildcard; the longest `*.x` beats the longest `x.*`, as in nginx.
#[derive(Default)]
struct Names {
    exact: HashMap<String, usize>,
    leading: HashMap<String, usize>,
    trailing: HashMap<String, usize>,
}

impl Names {
    /// The names as given, then those that `www` adds to them: a clash does not depend on the order of the sites.
    fn compile(settings: &BTreeMap<String, SiteSettings>) -> Result<Self, Error> {
        let mut names = Self::default();
        for (index, (label, site)) in settings.iter().enumerate() {
            let key = config::key(&["sites", label, "server_name"]);
            if site.www != Www::Keep && site.server_name.is_empty() {
                return Err(Error::setting(key, "`www` needs the site's names here"));
            }
            site.server_name.iter().try_for_each(|name| names.add(&key, name, (index, settings)))?;
        }
        for (index, (label, site)) in settings.iter().enumerate().filter(|(_, (_, site))| site.www != Www::Keep) {
            let key = config::key(&["sites", label, "www"]);
            let exact = site.server_name.iter().filter(|name| !name.contains('*'));
            exact.map(|name| counterpart(name)).try_for_each(|name| names.add(&key, &name, (index, settings)))?;
        }
        Ok(names)
    }

    fn add(
        &mut self,
        key: &str,
        name: &str,
        (site, all): (usize, &BTreeMap<String, SiteSettings>),
    ) -> Result<(), Error> {
        let parsed = ServerName::parse(name).map_err(|message| Error::setting(key, message))?;
        let names = match parsed.form {
            Form::Exact => &mut self.exact,
            Form::Leading => &mut self.leading,
            Form::Trailing => &mut self.trailing,
        };
        match names.insert(parsed.bare, site) {
            Some(other) if other != site => {
                let other = all.keys().nth(other).map(|label| config::key(&["sites", label])).unwrap_or_default(); // there is
                Err(Error::setting(key, format!("{name:?} is another site's name already, that of [{other}]")))
            }
            _ => Ok(()),
        }
    }

    /// `name` is in lower case.
    fn find(&self, name: &str) -> Option<usize> {
        let exact = if self.exact.is_empty() { None } else { self.exact.get(name) };
        exact.or_else(|| self.find_leading(name)).or_else(|| self.find_trailing(name)).copied()
    }

    fn find_leading(&self, name: &str) -> Option<&usize> {
        if self.leading.is_empty() {
            return None;
        }
        name.match_indices('.').find_map(|(dot, _)| self.leading.get(&name[dot + 1..]))
    }

    fn find_trailing(&self, name: &str) -> Option<&usize> {
        if self.trailing.is_empty() {
            return None;
        }
        name.rmatch_indices('.').find_map(|(dot, _)| self.trailing.get(&name[..dot]))
    }
}

/// The name with its `www.` if it has none, without it if it has one.
fn counterpart(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("www.").map_or_else(|| format!("www.{name}"), str::to_owned)
}

#[cfg(test)]
mod tests;

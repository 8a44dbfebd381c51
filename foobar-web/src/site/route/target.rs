use bytes::Bytes;
use foobar_core::List;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};

use super::candidate::{Candidate, Folder};
use super::location::Location;
use super::path::RoutePath;
use super::pattern::Pattern;
use super::try_files::{self, Fallback};
use crate::reply::{Content, FieldBlock, Reply, has_no_content};
use crate::request::RequestView;
use crate::static_files::{Files, HeaderRules, Lookup, Unready};
use crate::{Error, RouteSettings, SiteSettings};

/// Where the requests of a route go.
pub(crate) enum Target {
    /// The first of these candidates that has an answer, else the fallback.
    TryFiles { candidates: Vec<Candidate>, fallback: Fallback },
    /// Another place.
    Redirect { status: StatusCode, location: Location },
    /// A fixed answer.
    Respond { status: StatusCode, fields: FieldBlock, body: Bytes },
}

/// What a target answers without waiting.
pub(crate) enum TryReply<'a> {
    Found(Reply),
    /// The application answers.
    App,
    /// To be asked with [`Target::reply`].
    WouldBlock(Waiting<'a>),
}

/// Where `try_files` has come to a file that has to be waited for.
pub(crate) struct Waiting<'a> {
    candidate: &'a Candidate,
    unready: Unready,
    /// The candidates after it.
    rest: &'a [Candidate],
    fallback: Fallback,
}

impl Target {
    /// The answer to a request for a decoded path, if it is ready: it never waits and never blocks.
    pub(crate) fn try_reply(&self, asked: &RequestView<'_>, path: &[u8]) -> TryReply<'_> {
        match self {
            Self::TryFiles { candidates, fallback } => try_files(candidates, *fallback, asked, path),
            Self::Redirect { status, location } => TryReply::Found(match location.of(asked, path) {
                Some(location) => Reply::empty(*status, vec![(LOCATION, location)]),
                None => Reply::empty(StatusCode::BAD_REQUEST, Vec::new()),
            }),
            Self::Respond { status, fields, body } => TryReply::Found(respond(*status, fields, body)),
        }
    }

    /// The answer to a request for a decoded path; `None` where the application answers.
    pub(crate) async fn reply(&self, asked: RequestView<'_>, path: &[u8]) -> Option<Reply> {
        let mut tried = self.try_reply(&asked, path);
        loop {
            let Waiting { candidate, unready, rest, fallback } = match tried {
                TryReply::Found(reply) => return Some(reply),
                TryReply::App => return None,
                TryReply::WouldBlock(waiting) => waiting,
            };
            if let Some(reply) = candidate.wait(&asked, path, unready).await {
                return Some(reply);
            }
            tried = try_files(rest, fallback, &asked, path);
        }
    }

    /// Whether every request goes to the application.
    pub(crate) const fn is_app(&self) -> bool {
        self.reaches_app() && self.candidates().is_empty()
    }

    /// Whether a request may go to the application.
    pub(crate) const fn reaches_app(&self) -> bool {
        matches!(self, Self::TryFiles { fallback: Fallback::App, .. })
    }

    /// Whether the answer depends on how the request was sent.
    pub(crate) fn needs_origin(&self) -> bool {
        matches!(self, Self::Redirect { location, .. } if location.needs_origin())
    }

    /// Where its files may lie; nowhere for a target without files.
    pub(crate) const fn candidates(&self) -> &[Candidate] {
        match self {
            Self::TryFiles { candidates, .. } => candidates.as_slice(),
            Self::Redirect { .. } | Self::Respond { .. } => &[],
        }
    }
}

fn try_files<'a>(
    candidates: &'a [Candidate],
    fallback: Fallback,
    asked: &RequestView<'_>,
    path: &[u8],
) -> TryReply<'a> {
    for (index, candidate) in candidates.iter().enumerate() {
        match candidate.try_serve(asked, path) {
            Lookup::Found(reply) => return TryReply::Found(reply),
            Lookup::NotFound => {}
            Lookup::WouldBlock(unready) => {
                let rest = &candidates[index + 1..];
                return TryReply::WouldBlock(Waiting { candidate, unready, rest, fallback });
            }
        }
    }
    match fallback {
        Fallback::App => TryReply::App,
        Fallback::Status(status) => TryReply::Found(Reply::empty(status, Vec::new())),
    }
}

fn respond(status: StatusCode, fields: &FieldBlock, body: &Bytes) -> Reply {
    let reply = Reply { fields: fields.clone(), ..Reply::empty(status, Vec::new()) };
    if body.is_empty() { reply } else { Reply { length: None, content: Content::Memory(body.clone()), ..reply } }
}

/// What the route with this section and path leads to.
pub(crate) fn compile(
    served: &Files,
    site: (&str, &SiteSettings),
    (key, route): (&str, &RouteSettings),
    path: &RoutePath<'_>,
    announce: &HeaderRules,
    has_app: bool,
) -> Result<Target, Error> {
    if route.files.is_none() {
        refuse_settings_of_files(key, route)?;
    }
    match (&route.files, route.app, &route.redirect, route.respond) {
        (Some(folder), false, None, None) => {
            let folder = Folder::new(served, folder, path.cut(), site, Some((key, route)));
            compile_files(&folder, (key, route), matches!(path, RoutePath::Exact(_)), has_app)
        }
        (None, true, None, None) if route.add_header.is_some() => {
            let message =
                "an application says its own fields; this is for a route with `files`, `redirect` or `respond`";
            Err(Error::setting(format!("{key}.add_header"), message))
        }
        (None, true, None, None) if has_app => Ok(Target::TryFiles { candidates: Vec::new(), fallback: Fallback::App }),
        (None, true, None, None) => Err(Error::setting(format!("{key}.app"), "this program has no application")),
        (None, false, Some(url), None) => compile_redirect(key, url, route.status, path.pattern(), site.1),
        (None, false, None, Some(status)) => {
            compile_respond(key, route, status, |media_type| announce.added(path.as_str().as_bytes(), Some(media_type)))
        }
        _ => Err(Error::setting(key, "a route has exactly one of `files`, `app`, `redirect` and `respond`")),
    }
}

fn refuse_settings_of_files(key: &str, route: &RouteSettings) -> Result<(), Error> {
    let given = [
        ("links", route.links.is_some()),
        ("try_files", route.try_files.is_some()),
        ("internal", route.internal),
        ("autoindex", route.autoindex.is_some()),
        ("cache_control", route.cache_control.is_some()),
        ("content_disposition", route.content_disposition.is_some()),
        ("types", route.types.is_some()),
        ("default_type", route.default_type.is_some()),
        ("limit_rate", route.limit_rate.is_some()),
        ("limit_rate_after", route.limit_rate_after.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(Error::setting(format!("{key}.{name}"), "this is for a route with `files`")),
    }
}

fn compile_files(
    folder: &Folder<'_>,
    (key, route): (&str, &RouteSettings),
    exact: bool,
    has_app: bool,
) -> Result<Target, Error> {
    let key = format!("{key}.try_files");
    match &route.try_files {
        Some(_) if exact => Err(Error::setting(key, "an exact path has one file: there is nothing to try")),
        None if exact => {
            let fallback = Fallback::Status(StatusCode::NOT_FOUND);
            Ok(Target::TryFiles { candidates: vec![folder.file()?], fallback })
        }
        steps => {
            let steps =
                steps.clone().unwrap_or_else(|| ["file", "index"].map(str::to_owned).into_iter().collect::<List<_>>());
            let (candidates, fallback) = try_files::compile(&key, &steps, Some(folder), has_app)?;
            Ok(Target::TryFiles { candidates, fallback })
        }
    }
}

fn compile_redirect(
    key: &str,
    url: &str,
    status: u16,
    pattern: Option<&Pattern>,
    site: &SiteSettings,
) -> Result<Target, Error> {
    let host = site.server_name.iter().find(|name| !name.contains('*')).map(|name| name.to_ascii_lowercase());
    let location = Location::compile(url, pattern, host.as_deref());
    let location = location.map_err(|message| Error::setting(format!("{key}.redirect"), message))?;
    let status =
        // An error below.
        StatusCode::from_u16(status).ok().filter(|status| matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308));
    let status = status.ok_or_else(|| {
        Error::setting(format!("{key}.status"), "a redirect has the status 301, 302, 303, 307 or 308")
    })?;
    Ok(Target::Redirect { status, location })
}

fn compile_respond(
    key: &str,
    route: &RouteSettings,
    status: u16,
    added: impl FnOnce(&str) -> Vec<(HeaderName, HeaderValue)>,
) -> Result<Target, Error> {
    // An error below.
    let status = StatusCode::from_u16(status).ok().filter(|status| (200..600).contains(&status.as_u16()));
    let status = status.ok_or_else(|| Error::setting(format!("{key}.respond"), "a status is from 200 to 599"))?;
    let content_type = HeaderValue::try_from(&route.content_type).map_err(|_| {
        Error::setting(format!("{key}.content_type"), format!("{:?} is no media type", route.content_type))
    })?;
    let body = if has_no_content(status) { Bytes::new() } else { Bytes::from(route.body.clone()) };
    if body.is_empty() {
        return Ok(Target::Respond { status, fields: FieldBlock::default(), body });
    }
    let media_type = route.content_type.split(';').next().unwrap_or_default().trim_end(); // without parameters
    let mut fields = added(&media_type.to_ascii_lowercase());
    fields.insert(0, (CONTENT_TYPE, content_type));
    Ok(Target::Respond { status, fields: FieldBlock::new(&fields), body })
}

use bytes::Bytes;
use foobar_core::List;
use http::StatusCode;
use http::header::HeaderValue;

use super::location::{Folder, Place};
use super::try_files::{self, Last};
use crate::static_files::Files;
use crate::{Error, RouteSettings, SiteSettings};

/// Where the requests of a route go.
pub(crate) enum Target {
    /// The first of these places that has an answer, else the last resort.
    Try { places: Vec<Place>, last: Last },
    /// Another place.
    Redirect { status: StatusCode, location: HeaderValue },
    /// A fixed answer.
    Respond { status: StatusCode, content_type: HeaderValue, body: Bytes },
}

/// What the route with this section leads to. `cut` is how much of the path is cut off before files are looked up;
/// `None` for an exact path.
pub(crate) fn compile(
    served: &Files,
    site: (&str, &SiteSettings),
    (key, route): (&str, &RouteSettings),
    cut: Option<usize>,
    has_app: bool,
) -> Result<Target, Error> {
    if route.files.is_none() {
        refuse_settings_of_files(key, route)?;
    }
    match (&route.files, route.app, &route.redirect, route.respond) {
        (Some(path), false, None, None) => {
            let folder = Folder::new(served, path, cut.unwrap_or(0), site, Some((key, route))); // an exact path has none to cut
            files(&folder, (key, route), cut.is_none(), has_app)
        }
        (None, true, None, None) if has_app => Ok(Target::Try { places: Vec::new(), last: Last::App }),
        (None, true, None, None) => Err(Error::setting(format!("{key}.app"), "this program has no application")),
        (None, false, Some(url), None) => redirect(key, url, route.status),
        (None, false, None, Some(status)) => respond(key, route, status),
        _ => Err(Error::setting(key, "a route has exactly one of `files`, `app`, `redirect` and `respond`")),
    }
}

fn refuse_settings_of_files(key: &str, route: &RouteSettings) -> Result<(), Error> {
    let given = [
        ("try_files", route.try_files.is_some()),
        ("internal", route.internal),
        ("autoindex", route.autoindex.is_some()),
        ("cache_control", route.cache_control.is_some()),
        ("content_disposition", route.content_disposition.is_some()),
        ("limit_rate", route.limit_rate.is_some()),
        ("limit_rate_after", route.limit_rate_after.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(Error::setting(format!("{key}.{name}"), "this is for a route with `files`")),
    }
}

fn files(
    folder: &Folder<'_>,
    (key, route): (&str, &RouteSettings),
    exact: bool,
    has_app: bool,
) -> Result<Target, Error> {
    let key = format!("{key}.try_files");
    match &route.try_files {
        Some(_) if exact => Err(Error::setting(key, "an exact path has one file: there is nothing to try")),
        None if exact => Ok(Target::Try { places: vec![folder.file()?], last: Last::Status(StatusCode::NOT_FOUND) }),
        steps => {
            let steps =
                steps.clone().unwrap_or_else(|| ["file", "index"].map(str::to_owned).into_iter().collect::<List<_>>());
            let (places, last) = try_files::compile(&key, &steps, Some(folder), has_app)?;
            Ok(Target::Try { places, last })
        }
    }
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

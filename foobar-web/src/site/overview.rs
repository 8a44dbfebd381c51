use std::io;

use crate::static_files::Files;
use crate::{RouteSettings, SiteSettings};

/// A site as it was compiled, for whoever asks what it answers to and what leads where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteOverview {
    /// Its label: NAME in `[sites.NAME]`.
    pub label: String,
    /// The names it answers to, as they were written; none for a site that answers to any.
    pub names: Vec<String>,
    /// Its routes in the order in which they are tried.
    pub routes: Vec<RouteOverview>,
    /// What is tried for a path without a route.
    pub otherwise: String,
}

/// A route of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteOverview {
    /// The path as it was written, such as `= /favicon.ico`.
    pub path: String,
    /// Where it leads, in words.
    pub target: String,
}

impl SiteOverview {
    /// Without its routes.
    pub(super) fn new(label: &str, site: &SiteSettings, files: &Files, has_app: bool) -> Self {
        let (label, names) = (label.to_owned(), site.server_name.to_vec());
        let error = site.root.as_ref().and_then(|root| files.folder_error(root, site.links));
        Self { label, names, routes: Vec::new(), otherwise: otherwise(site, has_app) + &words(error) }
    }
}

impl RouteOverview {
    pub(super) fn new(path: &str, route: &RouteSettings, site: &SiteSettings, files: &Files) -> Self {
        let links = route.links.unwrap_or(site.links); // the site's, as for its files
        let error = route.files.as_ref().and_then(|place| match path.starts_with('=') {
            true => files.file_error(place, links),
            false => files.folder_error(place, links),
        });
        Self { path: path.to_owned(), target: target(path, route) + &words(error) }
    }
}

fn words(error: Option<io::Error>) -> String {
    error.map_or_else(String::new, |error| format!(" (cannot be opened: {error})"))
}

fn target(path: &str, route: &RouteSettings) -> String {
    let internal = if route.internal { ", internal" } else { "" };
    let tried = route.try_files.as_ref().map(|steps| format!(", trying {}", steps.join(", "))).unwrap_or_default(); // as usual
    match (&route.files, &route.redirect, route.respond) {
        (Some(file), ..) if path.starts_with('=') => format!("file {}{internal}", file.display()),
        (Some(folder), ..) => format!("files in {}{tried}{internal}", folder.display()),
        (_, Some(to), _) => format!("redirect to {to}"),
        (.., Some(status)) => format!("respond {status}"),
        _ => "app".to_owned(),
    }
}

/// The site's `try_files`, without the steps that have nothing to try.
fn otherwise(site: &SiteSettings, has_app: bool) -> String {
    let root = site.root.as_ref().map(|root| root.display());
    let steps = site.try_files.iter().filter_map(|step| match (step.as_str(), &root) {
        ("app", _) => has_app.then(|| "app".to_owned()),
        (status, _) if status.starts_with('=') => Some(status.to_owned()),
        (step, root) => root.as_ref().map(|root| format!("{step} in {root}")),
    });
    let steps: Vec<String> = steps.collect();
    if steps.is_empty() { "404".to_owned() } else { steps.join(", then ") }
}

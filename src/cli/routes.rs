use foobar_web::{RouteSettings, SiteSettings};

use super::output::{Exit, out};
use crate::composition::Composition;

/// Lists the sites, and of each its routes in the order they are tried.
pub(super) fn run(composition: &Composition) -> Exit {
    for (name, site) in &composition.settings.sites {
        out(format_args!("site {name}  {}", names(site)));
        let mut routes: Vec<_> = site.routes.iter().collect();
        routes.sort_by_key(|(path, _)| (!path.starts_with('='), !path.starts_with('~'), std::cmp::Reverse(path.len())));
        for (path, route) in routes {
            out(format_args!("  {path:<24} {}", target(path, route)));
        }
        out(format_args!("  {:<24} {}", "(everything else)", rest(site, composition.has_app())));
    }
    Exit::Success
}

fn names(site: &SiteSettings) -> String {
    if site.server_name.is_empty() { "any name".to_owned() } else { site.server_name.join(" ") }
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
fn rest(site: &SiteSettings, has_app: bool) -> String {
    let root = site.root.as_ref().map(|root| root.display());
    let steps = site.try_files.iter().filter_map(|step| match (step.as_str(), &root) {
        ("app", _) => has_app.then(|| "app".to_owned()),
        (status, _) if status.starts_with('=') => Some(status.to_owned()),
        (step, root) => root.as_ref().map(|root| format!("{step} in {root}")),
    });
    let steps: Vec<String> = steps.collect();
    if steps.is_empty() { "404".to_owned() } else { steps.join(", then ") }
}

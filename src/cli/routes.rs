use foobar_web::{RouteSettings, SiteSettings};

use super::{Exit, out};
use crate::composition::Composition;

/// Lists the sites, and of each its routes in the order they are tried.
pub(super) fn run(composition: &Composition) -> Exit {
    for (name, site) in &composition.settings.sites {
        out(format_args!("site {name}  {}", names(site)));
        let mut routes: Vec<_> = site.routes.iter().collect();
        routes.sort_by_key(|(path, _)| (!path.starts_with('='), std::cmp::Reverse(path.len())));
        for (path, route) in routes {
            out(format_args!("  {path:<24} {}", target(route)));
        }
        out(format_args!("  {:<24} {}", "(everything else)", rest(site, composition.has_app())));
    }
    Exit::Success
}

fn names(site: &SiteSettings) -> String {
    if site.server_name.is_empty() { "any name".to_owned() } else { site.server_name.join(" ") }
}

fn target(route: &RouteSettings) -> String {
    match (&route.files, &route.redirect, route.respond) {
        (Some(folder), ..) => format!("files in {}", folder.display()),
        (_, Some(to), _) => format!("redirect to {to}"),
        (.., Some(status)) => format!("respond {status}"),
        _ => "app".to_owned(),
    }
}

/// The site's `try_files`, without the steps that have nothing to try.
fn rest(site: &SiteSettings, has_app: bool) -> String {
    let files: Vec<&str> = site.try_files.iter().map(String::as_str).filter(|step| *step != "app").collect();
    let files = site.root.as_ref().map(|root| format!("{} in {}", files.join(", "), root.display()));
    let app = has_app.then(|| "app".to_owned());
    let steps: Vec<String> = files.into_iter().chain(app).collect();
    if steps.is_empty() { "404".to_owned() } else { steps.join(", then ") }
}

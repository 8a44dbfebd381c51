use std::fmt::Display;

use foobar_app::AppRoute;
use foobar_core::Chain;
use foobar_core::config::Config;
use foobar_web::SiteOverview;

use super::output::{Exit, complain, fail, out};
use crate::composition::{Overview, Parts};

/// Lists the application's routes by path, then the sites, and of each its routes in the order they are tried.
pub(super) fn run(config: &Config, parts: Parts) -> Exit {
    let overview = match Overview::compile(config, parts) {
        Ok(overview) => overview,
        Err(error) => return fail(&error),
    };
    match overview.app {
        None => {}
        Some(Ok(routes)) => application(routes, &overview.cross_site),
        Some(Err(error)) => {
            return complain(format_args!("the application cannot list its routes: {}", Chain(&*error)));
        }
    }
    overview.sites.iter().for_each(site);
    Exit::Success
}

fn application(routes: Option<Vec<AppRoute>>, cross_site: &[String]) {
    let routes = match routes {
        None => {
            out("application  a service, whose routes cannot be listed");
            Vec::new()
        }
        Some(routes) => {
            out("application");
            routes
        }
    };
    for route in &routes {
        let mark = if cross_site.contains(&route.path) { CROSS_SITE } else { "" };
        line(&route.path, format_args!("{}{mark}", methods(route)));
    }
    let unlisted = cross_site.iter().filter(|path| !routes.iter().any(|route| route.path == **path));
    unlisted.for_each(|path| line(path, CROSS_SITE.trim_start()));
}

const CROSS_SITE: &str = "  also from other sites";

fn methods(route: &AppRoute) -> String {
    let methods: Vec<&str> = route.methods.iter().map(|method| method.as_str()).collect();
    if methods.is_empty() { "any method".to_owned() } else { methods.join(" ") }
}

fn site(site: &SiteOverview) {
    out(format_args!("site {}  {}", site.label, names(site)));
    site.routes.iter().for_each(|route| line(&route.path, &route.target));
    line("(everything else)", &site.otherwise);
}

fn line(path: &str, target: impl Display) {
    out(format_args!("  {path:<24} {target}"));
}

fn names(site: &SiteOverview) -> String {
    if site.names.is_empty() { "any name".to_owned() } else { site.names.join(" ") }
}

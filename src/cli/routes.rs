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
        Some(Ok(routes)) => application(routes),
        Some(Err(error)) => {
            return complain(format_args!("the application cannot list its routes: {}", Chain(&*error)));
        }
    }
    overview.sites.iter().for_each(site);
    Exit::Success
}

fn application(routes: Option<Vec<AppRoute>>) {
    match routes {
        None => _ = out("application  a service, whose routes cannot be listed"),
        Some(routes) => {
            out("application");
            routes.iter().for_each(|route| line(&route.path, methods(route)));
        }
    }
}

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

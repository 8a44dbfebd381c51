use foobar_web::SiteOverview;

use super::output::{Exit, out};
use crate::composition::Composition;

/// Lists the sites, and of each its routes in the order they are tried.
pub(super) fn run(composition: &Composition) -> Exit {
    for site in composition.sites() {
        out(format_args!("site {}  {}", site.label, names(&site)));
        for route in &site.routes {
            out(format_args!("  {:<24} {}", route.path, route.target));
        }
        out(format_args!("  {:<24} {}", "(everything else)", site.otherwise));
    }
    Exit::Success
}

fn names(site: &SiteOverview) -> String {
    if site.names.is_empty() { "any name".to_owned() } else { site.names.join(" ") }
}

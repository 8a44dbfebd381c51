use std::collections::BTreeMap;

use foobar_core::config;

use super::route::looks_for_index;
use crate::{Autoindex, RouteSettings, SiteSettings, Warning, WebSettings};

/// The settings of all sites that have no effect.
pub(crate) fn warnings(web: &WebSettings, sites: &BTreeMap<String, SiteSettings>) -> Vec<Warning> {
    let of_site = |(label, site): (&String, &SiteSettings)| {
        let key = config::key(&["sites", label]);
        let others = compress(&key, web, site).into_iter().chain(names(&key, site));
        autoindex(&key, site).into_iter().chain(others).collect::<Vec<_>>()
    };
    sites.iter().flat_map(of_site).collect()
}

/// A name that a site has twice does no harm; another one may have been meant.
fn names(key: &str, site: &SiteSettings) -> Option<Warning> {
    let is_twice = |place: &usize| {
        site.server_name[..*place].iter().any(|earlier| earlier.eq_ignore_ascii_case(&site.server_name[*place]))
    };
    let twice = (0..site.server_name.len()).find(is_twice)?;
    let message = format!("{:?} is there twice", site.server_name[twice]);
    Some(Warning { key: format!("{key}.server_name"), message })
}

fn autoindex(key: &str, site: &SiteSettings) -> Vec<Warning> {
    const MESSAGE: &str = "no folder is listed: there is none, or its `try_files` has no \"index\"";
    let warning = |key: String| Warning { key, message: MESSAGE.to_owned() };
    let lists = |route: &RouteSettings| route.autoindex.is_some_and(|autoindex| autoindex != Autoindex::Off);
    let in_vain = |(path, route): &(&String, &RouteSettings)| lists(route) && !tries_index(path, route);
    let key_of = |path: &str| format!("{key}.{}", config::key(&["routes", path, "autoindex"]));
    let files = || site.routes.iter().filter(|(_, route)| route.files.is_some());
    let mut warnings: Vec<_> = files().filter(in_vain).map(|(path, _)| warning(key_of(path))).collect();
    let inherits = |(path, route): (&String, &RouteSettings)| {
        route.autoindex.is_none() && !route.internal && tries_index(path, route)
    };
    let is_inherited = site.root.is_some() && looks_for_index(&site.try_files) || files().any(inherits);
    warnings.extend((site.autoindex != Autoindex::Off && !is_inherited).then(|| warning(format!("{key}.autoindex"))));
    warnings
}

/// Whether a route with files looks for an index, as it does unless it says otherwise.
fn tries_index(path: &str, route: &RouteSettings) -> bool {
    !path.starts_with('=') && route.try_files.as_deref().is_none_or(looks_for_index)
}

fn compress(key: &str, web: &WebSettings, site: &SiteSettings) -> Option<Warning> {
    let is_off = web.file_cache_size.as_u64() == 0 && !site.compress.is_empty();
    is_off.then(|| Warning {
        key: format!("{key}.compress"),
        message: "nothing is compressed, as `web.file_cache_size` is \"0\" and leaves no place to keep it".to_owned(),
    })
}

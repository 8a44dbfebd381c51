use std::io::Write;

use foobar_core::Chain;
use foobar_core::config::key;
use foobar_web::{Autoindex, SiteSettings};

use super::output::{Exit, complain, out};
use super::runtime::block_on;
use crate::composition::Composition;

/// Says whether the server would start: everything has been parsed and compiled; now what can be opened is tried.
pub(super) fn run(composition: &Composition) -> Exit {
    if let Err(error) = block_on(async { Ok(composition.check().await?) }) {
        return complain(Chain(&*error));
    }
    for warning in &composition.warnings {
        warn(composition, &warning.key, &warning.message);
    }
    for (name, site) in &composition.settings.sites {
        warn_of_autoindex(composition, &key(&["sites", name]), site);
        warn_of_compress(composition, &key(&["sites", name, "compress"]), site);
    }
    let file = composition.config.file();
    let file = file.map_or("no file".to_owned(), |file| file.display().to_string());
    out(format_args!("the configuration is good ({file})"))
}

fn warn_of_autoindex(composition: &Composition, site_key: &str, site: &SiteSettings) {
    const MESSAGE: &str = "no folder is listed: there is none, or its `try_files` has no \"index\"";
    let has_index = |steps: &[String]| steps.iter().any(|step| step == "index");
    // Of a route with files, whether it looks for an index, which is so unless it says otherwise.
    let looks = |steps: Option<&[String]>| steps.is_none_or(has_index);
    let mut inherited = site.root.is_some() && has_index(&site.try_files);
    for (path, route) in site.routes.iter().filter(|(_, route)| route.files.is_some()) {
        let tries = looks(route.try_files.as_deref()) && !path.starts_with('=');
        match route.autoindex {
            None => inherited |= tries && !route.internal,
            Some(Autoindex::Off) => {}
            Some(_) if tries => {}
            Some(_) => warn(composition, &format!("{site_key}.{}", key(&["routes", path, "autoindex"])), MESSAGE),
        }
    }
    if site.autoindex != Autoindex::Off && !inherited {
        warn(composition, &format!("{site_key}.autoindex"), MESSAGE);
    }
}

fn warn_of_compress(composition: &Composition, key: &str, site: &SiteSettings) {
    let cache_is_off = composition.settings.web.file_cache_size.as_u64() == 0;
    if cache_is_off && !site.compress.is_empty() && composition.config.origin(key) != "default" {
        warn(
            composition,
            key,
            "nothing is compressed, as `web.file_cache_size` is \"0\" and leaves no place to keep it",
        );
    }
}

fn warn(composition: &Composition, key: &str, message: &str) {
    let origin = composition.config.origin(key);
    drop(writeln!(std::io::stderr(), "warning: {origin}: `{key}`: {message}")); // nobody is left to tell
}

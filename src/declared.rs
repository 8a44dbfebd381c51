use std::path::Path;

use foobar_app::Context;
use foobar_core::config::{Config, ConfigError, key};
use foobar_web::SiteSettings;

use crate::StartError;
use crate::settings::Sites;

/// What the program has declared that the configuration decides on, for its context.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) settings: Vec<ReadSettings>,
    /// The routes of [`Server::private`](crate::Server::private).
    pub(crate) private: Vec<String>,
}

/// Reads settings of the program's own into the context.
pub(crate) type ReadSettings = Box<dyn Fn(&Config, Context) -> Result<Context, ConfigError> + Send + Sync>;

impl Declared {
    /// The context with all of it.
    pub(crate) fn read(&self, config: &Config, sites: &Sites, context: Context) -> Result<Context, StartError> {
        private_folders(config, sites, &self.private, self.read_settings(config, context)?)
    }

    /// The context with the settings that the program has declared.
    pub(crate) fn read_settings(&self, config: &Config, context: Context) -> Result<Context, ConfigError> {
        self.settings.iter().try_fold(context, |context, read| read(config, context))
    }
}

/// An error where clients could ask for private files by another path, since their folder is in one that is served.
fn check_is_private(config: &Config, sites: &Sites, route: &str, folder: &Path) -> Result<(), StartError> {
    let Ok(private) = folder.canonicalize() else { return Ok(()) }; // told where the routes are compiled
    for (label, site) in sites {
        let routes = site.routes.iter().filter(|(_, served)| !served.internal);
        let files = routes.filter_map(|(path, served)| {
            Some((key(&["sites", label, "routes", path, "files"]), Some(path.as_str()), served.files.as_ref()?))
        });
        let root = site.root.iter().map(|root| (key(&["sites", label, "root"]), None, root));
        for (key, of_route, served) in root.chain(files) {
            let Ok(served) = served.canonicalize() else { continue }; // embedded files, or told elsewhere
            if private.strip_prefix(&served).is_ok_and(|below| can_be_asked_for(site, of_route, below)) {
                let message = format!(
                    "`{key}`: clients can ask for what is in {}, and {}, the folder of the private route `{route}`, is in \
                     it; put that elsewhere",
                    served.display(),
                    folder.display()
                );
                return Err(StartError::setting(config, &key, message));
            }
        }
    }
    Ok(())
}

/// Whether a path leads to the folder `below` the one that a route serves, or the `root` of the site: no part of it is
/// hidden, and no other route takes it.
fn can_be_asked_for(site: &SiteSettings, of_route: Option<&str>, below: &Path) -> bool {
    let Some(below) = below.to_str() else { return true };
    let visible = below.strip_prefix(".well-known/").unwrap_or(below);
    if visible != ".well-known" && visible.split('/').any(|part| part.starts_with('.')) {
        return false;
    }
    if of_route.is_some_and(|path| path.starts_with(['~', '='])) {
        return true; // what a pattern takes nobody knows
    }
    let own_steps = of_route.and_then(|path| site.routes.get(path)?.try_files.as_ref());
    let leads_elsewhere = |step: &String| step.contains('$') && !step.starts_with("$uri");
    if own_steps.unwrap_or(&site.try_files).iter().any(leads_elsewhere) {
        return true; // as `/cache$uri`
    }
    let mut folder = format!("{}/", of_route.unwrap_or_default().trim_end_matches('/'));
    if !below.is_empty() {
        folder = format!("{folder}{below}/");
    }
    let leads =
        |prefix: &str| folder.strip_prefix(prefix.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
    let prefixes = site.routes.keys().filter(|path| path.starts_with('/') && leads(path));
    prefixes.max_by_key(|path| path.len()).map(String::as_str) == of_route
}

/// The context with the folders of the routes that [`Server::private`](crate::Server::private) has declared.
fn private_folders(config: &Config, sites: &Sites, routes: &[String], context: Context) -> Result<Context, StartError> {
    routes.iter().try_fold(context, |context, route| {
        let mut all = sites.iter().filter_map(|(label, site)| Some((label, site.routes.get(route)?.files.as_ref()?)));
        let Some((_, folder)) = all.next() else { return Ok(context) }; // told where the routes are compiled
        match all.find(|(_, other)| *other != folder) {
            None => {
                check_is_private(config, sites, route, folder)?;
                Ok(context.with_private_folder(route, folder))
            }
            Some((label, _)) => {
                let key = key(&["sites", label, "routes", route, "files"]);
                let message = format!(
                    "`{key}`: the application has one folder for this private route, and another site has it in {}; name \
                     the same in both",
                    folder.display()
                );
                Err(StartError::setting(config, &key, message))
            }
        }
    })
}

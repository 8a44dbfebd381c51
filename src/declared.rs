use foobar_app::Context;
use foobar_core::config::{Config, ConfigError, key};

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

/// The context with the folders of the routes that [`Server::private`](crate::Server::private) has declared.
fn private_folders(config: &Config, sites: &Sites, routes: &[String], context: Context) -> Result<Context, StartError> {
    routes.iter().try_fold(context, |context, route| {
        let mut all = sites.iter().filter_map(|(label, site)| Some((label, site.routes.get(route)?.files.as_ref()?)));
        let Some((_, folder)) = all.next() else { return Ok(context) }; // told where the routes are compiled
        match all.find(|(_, other)| *other != folder) {
            None => Ok(context.with_private_folder(route, folder)),
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

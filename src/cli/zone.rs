use foobar_core::config::Config;

use super::output::{Exit, fail, out};
use crate::StartError;
use crate::dns;
use crate::settings::AllSettings;

/// Prints the zone that the configuration describes; nothing that it names has to be there.
pub(super) fn run(config: &Config) -> Exit {
    match zone_file(config) {
        Ok(text) => out(text.trim_end()),
        Err(error) => fail(&error),
    }
}

fn zone_file(config: &Config) -> Result<String, StartError> {
    dns::zone_file(config, &AllSettings::parse(config)?)
}

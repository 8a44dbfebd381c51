use std::io::Write;

use foobar_core::Chain;
use foobar_core::config::Config;
use foobar_web::Warning;

use super::output::{Exit, complain, out};
use super::runtime::block_on;
use crate::composition::Composition;

/// Says whether the server would start: everything has been parsed and compiled; now what can be opened is tried.
pub(super) fn run(composition: &Composition) -> Exit {
    if let Err(error) = block_on(async { Ok(composition.check().await?) }) {
        return complain(Chain(&*error));
    }
    composition.warnings().iter().for_each(|warning| warn(&composition.config, warning));
    let file = composition.config.file();
    let file = file.map_or("no file".to_owned(), |file| file.display().to_string());
    out(format_args!("the configuration is good ({file})"))
}

/// Of a default nobody is warned: it is nobody's mistake that it has no effect.
fn warn(config: &Config, Warning { key, message }: &Warning) {
    let origin = config.origin(key);
    if origin != "default" {
        drop(writeln!(std::io::stderr(), "warning: {origin}: `{key}`: {message}")); // nobody is left to tell
    }
}

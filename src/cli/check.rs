use std::io::Write;

use foobar_core::Chain;
use foobar_web::Warning;

use super::installed_log;
use super::output::{Exit, complain, fail, out};
use super::runtime::block_on;
use crate::composition::Composition;

/// Says whether the server would start: everything has been parsed and compiled; now what can be opened is tried.
pub(super) fn run(composition: &Composition) -> Exit {
    if let Err(error) = installed_log::open(&composition.config, &composition.settings.log) {
        return fail(&error);
    }
    if let Err(error) = block_on(async { Ok(composition.check().await?) }) {
        return complain(Chain(&*error));
    }
    for Warning { key, message } in composition.warnings() {
        let origin = composition.config.origin(&key);
        drop(writeln!(std::io::stderr(), "warning: {origin}: `{key}`: {message}")); // nobody is left to tell
    }
    let file = composition.config.file();
    let file = file.map_or("no file".to_owned(), |file| file.display().to_string());
    out(format_args!("the configuration is good ({file})"))
}

use foobar_core::Chain;

use super::{Exit, complain, out};
use crate::composition::Composition;

/// Says whether the server would start: everything has been parsed and compiled; now what can be opened is tried.
pub(super) fn run(composition: &Composition) -> Exit {
    if let Err(error) = super::block_on(async { Ok(composition.check().await?) }) {
        return complain(Chain(&*error));
    }
    let file = composition.config.file();
    let file = file.map_or("no file".to_owned(), |file| file.display().to_string());
    out(format_args!("the configuration is good ({file})"))
}

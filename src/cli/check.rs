use foobar_core::Chain;

use super::{Exit, complain, out};
use crate::composition::Composition;

/// Says whether the server would start: everything has been parsed and compiled; now the database is looked at.
pub(super) fn run(composition: &Composition) -> Exit {
    if let Some(database) = &composition.database
        && let Err(error) = super::block_on(async { Ok(database.check().await?) })
    {
        return complain(Chain(&*error));
    }
    let file = composition.config.file();
    out(format_args!(
        "the configuration is good ({})",
        file.map_or("no file".to_owned(), |file| file.display().to_string())
    ))
}

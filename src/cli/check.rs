use std::time::Instant;

use foobar_core::Chain;

use super::{Exit, complain, out};
use crate::composition::Composition;

/// Says whether the server would start: everything has been parsed and compiled; now what can be opened is.
pub(super) fn run(composition: &Composition) -> Exit {
    if let Some(database) = &composition.database {
        let checked = super::block_on(async {
            let tier = database.tier();
            let started = tier.start().await;
            let readiness = tier.readiness();
            tier.drain(Instant::now() + *composition.settings.server.shutdown_timeout).await;
            started.map(|()| readiness)
        });
        match checked {
            Err(error) => return complain(format_args!("the database: {}", Chain(&*error))),
            Ok(readiness) if !readiness.is_ready() => return complain(format_args!("the database is {readiness}")),
            Ok(_) => {}
        }
    }
    let file = composition.config.file();
    out(format_args!(
        "the configuration is good ({})",
        file.map_or("no file".to_owned(), |file| file.display().to_string())
    ))
}

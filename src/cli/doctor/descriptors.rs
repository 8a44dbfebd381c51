use std::num::NonZero;
use std::thread::available_parallelism;

use rustix::process::{Resource, getrlimit};

use super::report::{Report, Topic};
use crate::settings::AllSettings;

/// A start raises the soft limit to the hard one, so that one counts.
pub(super) fn examine(report: &mut Report, settings: &AllSettings) {
    let limit = getrlimit(Resource::Nofile).maximum;
    let needed = needed(settings);
    match limit {
        Some(limit) if limit < needed => report.warning(
            Topic::Descriptors,
            format_args!(
                "{limit} files may be open, and {needed} would be needed for `web.worker_connections` on each worker and \
                 what is open besides: raise `LimitNOFILE` of systemd or `ulimit -Hn`, or lower the key"
            ),
        ),
        Some(limit) => report.ok(Topic::Descriptors, format_args!("{limit} files may be open, {needed} are enough")),
        None => report.ok(Topic::Descriptors, "any number of files may be open"),
    }
}

/// For all connections, the files that are kept open, those of the database, and some for everything else.
fn needed(settings: &AllSettings) -> u64 {
    let web = &settings.web;
    let workers = web.workers.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get)); // as the web tier does
    let database = settings.database.connections.get().max(settings.database.readers.get() + 1);
    let connections = workers.saturating_mul(web.worker_connections);
    (connections.saturating_add(web.file_cache_descriptors) as u64).saturating_add(u64::from(database) + OTHERS)
}

const OTHERS: u64 = 64;

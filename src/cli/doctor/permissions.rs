use std::path::Path;

use foobar_core::Chain;
use foobar_core::config::Config;
use foobar_core::log::LogOutput;
use foobar_web::SiteSettings;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::report::{Report, Topic, counted};
use crate::cli::{control, installed_log};
use crate::settings::AllSettings;

const TOPIC: Topic = Topic::Permissions;

/// What belongs to the database is looked at with the database.
pub(super) fn examine(report: &mut Report, config: &Config, settings: &AllSettings) {
    match geteuid().is_root() {
        true => report.warning(TOPIC, "this is root, and a mistake could do anything here: use a user of its own"),
        false => report.ok(TOPIC, format_args!("this is user {}, not root", geteuid().as_raw())),
    }
    folders(report, settings);
    match control::check(config, &settings.control) {
        Ok(None) => {}
        Ok(Some(surprise)) => report.warning(TOPIC, surprise),
        Err(error) => report.problem(TOPIC, Chain(&error)),
    }
    if let Err(error) = installed_log::check(config, &settings.log) {
        report.problem(TOPIC, Chain(&error));
    } else if let LogOutput::File(path) = &settings.log.output {
        report.ok(TOPIC, format_args!("the log {} can be written", path.display()));
    }
    if let Err(error) = installed_log::check_access_log(config) {
        report.problem(TOPIC, Chain(&error));
    } else if let Some(path) = installed_log::access_log(&settings.web) {
        report.ok(TOPIC, format_args!("the access log {} can be written", path.display()));
    }
}

fn folders(report: &mut Report, settings: &AllSettings) {
    let all: Vec<&Path> = settings.sites.values().flat_map(paths).collect();
    let mut readable = 0;
    for path in all {
        let needed = if path.is_dir() { Access::READ_OK | Access::EXEC_OK } else { Access::READ_OK };
        match access(path, needed) {
            Ok(()) => readable += 1,
            Err(Errno::NOENT) => {} // the configuration is not good then, which is told
            Err(error) => report.problem(TOPIC, format_args!("{} cannot be read: {error}", path.display())),
        }
    }
    if readable > 0 {
        report.ok(TOPIC, format_args!("{} with static files can be read", counted(readable, "path")));
    }
}

/// The files that a site serves, but for those inside the program.
fn paths(site: &SiteSettings) -> impl Iterator<Item = &Path> {
    let of_routes = site.routes.values().filter_map(|route| route.files.as_deref());
    site.root.as_deref().into_iter().chain(of_routes).filter(|path| !is_embedded(path))
}

fn is_embedded(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with("embed:"))
}

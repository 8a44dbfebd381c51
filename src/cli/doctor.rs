//! `doctor`: what a colleague would ask first, each in a line that says whether it is good and what to do about it.
//!
//! It changes nothing and shows no value of a setting. Whatever is wrong, it goes on as far as it can.

mod certificates;
mod clock;
mod database;
mod descriptors;
mod disk;
mod permissions;
mod ports;
mod report;
mod socket_holder;
mod sources;
mod versions;

use foobar_core::Chain;
use foobar_core::config::Config;

use super::output::Exit;
use crate::StartError;
use crate::composition::{Composition, Parts};
use crate::settings::AllSettings;

use report::{Report, Topic};

/// Looks at everything; the exit code is that of a failure where there is a problem.
pub(super) fn run(loaded: Result<Config, StartError>, parts: Parts) -> Exit {
    let mut report = Report::default();
    versions::examine(&mut report, parts.program);
    clock::examine(&mut report);
    match loaded {
        Ok(config) => configured(&mut report, config, parts),
        Err(error) => report.problem(Topic::Configuration, Chain(&error)),
    }
    report.end()
}

fn configured(report: &mut Report, config: Config, parts: Parts) {
    sources::examine(report, &config);
    let issued = match AllSettings::parse(&config) {
        Ok(settings) => {
            clock::compare_with_files(report, disk::files(&settings), settings.web.state_dir.as_deref());
            database::examine(report, &config, &settings, &parts);
            descriptors::examine(report, &settings);
            certificates::examine(report, &config, &settings);
            permissions::examine(report, &config, &settings);
            disk::examine(report, &settings);
            certificates::issued(&settings)
        }
        Err(error) => return report.problem(Topic::Configuration, Chain(&error)),
    };
    match Composition::compile_dry(config, parts) {
        Ok(composition) => {
            composition.warnings().iter().for_each(|warning| report.warning(Topic::Configuration, warning));
            certificates::examine_issued(report, &composition, issued);
            ports::examine(report, &composition);
        }
        Err(error) => report.problem(Topic::Configuration, Chain(&error)),
    }
}

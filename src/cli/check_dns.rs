use std::net::SocketAddr;

use foobar_core::config::Config;

use super::output::{Exit, complain, fail, out, warn};
use super::runtime::block_on;
use crate::dns::{self, Finding};
use crate::settings::AllSettings;

/// Asks whether the names of the sites lead here; nothing else that the settings name has to be there.
pub(super) fn run(config: &Config, resolver: Option<SocketAddr>) -> Exit {
    let settings = match AllSettings::parse(config) {
        Ok(settings) => settings,
        Err(error) => return fail(&error.into()),
    };
    let examination = match dns::Examination::of(config, &settings, resolver) {
        Ok(examination) => examination,
        Err(error) => return fail(&error),
    };
    match block_on(examination.run()) {
        Ok(findings) => end(&findings),
        Err(error) => complain(error),
    }
}

fn end(findings: &[Finding]) -> Exit {
    findings.iter().for_each(show);
    let is_wrong = |finding: &&Finding| matches!(finding, Finding::Wrong(_));
    match findings.iter().filter(is_wrong).count() {
        0 => out("the names lead here"),
        _ => Exit::Failure,
    }
}

fn show(finding: &Finding) {
    match finding {
        Finding::Good(sentence) => _ = out(format_args!("good  {sentence}")),
        Finding::Note(sentence) => warn(sentence),
        Finding::Wrong(sentence) => _ = complain(sentence),
    }
}

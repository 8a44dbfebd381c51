use std::path::PathBuf;

use foobar_core::config::{Config, key};
use foobar_web::CertificateOverview;

use super::clock::now;
use super::report::{Report, Topic};
use crate::cli::calendar;
use crate::settings::{AllSettings, is_issued};

pub(super) fn examine(report: &mut Report, config: &Config, settings: &AllSettings) {
    let of_sites = settings.sites.iter().flat_map(|(name, site)| {
        let key = key(&["sites", name, "ssl_certificate"]);
        site.ssl_certificate.iter().map(move |path| (key.clone(), path.clone()))
    });
    let of_admin = settings.admin.ssl_certificate.iter();
    let of_admin = of_admin.map(|path| ("admin.ssl_certificate".to_owned(), path.clone()));
    let all: Vec<(String, PathBuf)> = of_sites.chain(of_admin).collect();
    if all.is_empty() {
        report.ok(Topic::Certificates, "none is configured");
    }
    for (key, path) in all {
        if is_issued(&path) {
            report.ok(
                Topic::Certificates,
                format_args!("`{key}`: the server gets it by itself; `certificates` tells of it"),
            );
            continue;
        }
        match CertificateOverview::read(&path) {
            Ok(certificate) => tell(report, &path.display().to_string(), &certificate, now()),
            Err(error) => {
                let origin = config.origin(&key);
                report.problem(Topic::Certificates, format_args!("{origin}: `{key}`: {}: {error}", path.display()));
            }
        }
    }
}

fn tell(report: &mut Report, path: &str, certificate: &CertificateOverview, now: i64) {
    let names = if certificate.names.is_empty() { "no name".to_owned() } else { certificate.names.join(", ") };
    let (begin, end) = (calendar::day(certificate.not_before), calendar::day(certificate.not_after));
    let text = format!("{path} is for {names}");
    match Validity::of(certificate, now) {
        Validity::Good => report.ok(Topic::Certificates, format_args!("{text} until {end}")),
        Validity::Ending => report.warning(Topic::Certificates, format_args!("{text} until {end} only: renew it")),
        Validity::Over => {
            report.problem(Topic::Certificates, format_args!("{text} and has expired on {end}: renew it"))
        }
        Validity::ToCome => report.problem(
            Topic::Certificates,
            format_args!("{text} from {begin} on, which is to come: look at the clock, or wait"),
        ),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Validity {
    Good,
    /// In less than two weeks: whatever renews it has failed for a while.
    Ending,
    Over,
    ToCome,
}

impl Validity {
    const fn of(certificate: &CertificateOverview, now: i64) -> Self {
        const TWO_WEEKS: i64 = 14 * 86_400;
        match certificate.not_after - now {
            ..0 => Self::Over,
            _ if now < certificate.not_before => Self::ToCome,
            0..TWO_WEEKS => Self::Ending,
            _ => Self::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_ends_within_two_weeks_is_told_of() {
        const DAY: i64 = 86_400;
        let certificate = CertificateOverview { names: Vec::new(), not_before: DAY, not_after: 90 * DAY };
        for (now, expected) in [
            (0, Validity::ToCome),
            (DAY, Validity::Good),
            (76 * DAY, Validity::Good),
            (76 * DAY + 1, Validity::Ending),
            (90 * DAY, Validity::Ending),
            (90 * DAY + 1, Validity::Over),
        ] {
            assert_eq!(Validity::of(&certificate, now), expected, "{now}");
        }
    }
}

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use foobar_core::config::{Config, key};
use foobar_web::{CertificateOverview, SiteCertificate};

use super::clock::now;
use super::report::{Report, Topic};
use crate::cli::calendar;
use crate::composition::Composition;
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
            continue; // told of below
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

/// The sites whose certificates the server gets by itself.
pub(super) fn issued(settings: &AllSettings) -> BTreeSet<String> {
    let sites = settings.sites.iter().filter(|(_, site)| site.ssl_certificate.iter().any(|path| is_issued(path)));
    sites.map(|(label, _)| label.clone()).collect()
}

/// What there is of these, and what comes of their orders. Of names that no site has, those alone that somebody has to look at.
pub(super) fn examine_issued(report: &mut Report, composition: &Composition, mut issued: BTreeSet<String>) {
    let of_sites = issued.clone();
    for certificate in composition.certificates().iter().filter(|one| of_sites.contains(&one.site)) {
        let is_of_site = issued.remove(&certificate.site);
        let key = key(&["sites", &certificate.site, "ssl_certificate"]);
        let told = Issued::of(certificate, SystemTime::now());
        let text = format!("`{key}`: {}", told.text);
        match told.verdict {
            Verdict::Ok if is_of_site => report.ok(Topic::Certificates, text),
            Verdict::Ok => {}
            Verdict::Warning => report.warning(Topic::Certificates, text),
            Verdict::Problem => report.problem(Topic::Certificates, text),
        }
    }
}

/// What is said of a certificate that the server gets by itself.
struct Issued {
    verdict: Verdict,
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warning,
    Problem,
}

impl Issued {
    fn of(certificate: &SiteCertificate, now: SystemTime) -> Self {
        let names = certificate.names.join(", ");
        let next = certificate.renews.map_or_else(String::new, |at| format!("; the next order is due on {}", date(at)));
        let failed = certificate.error.as_ref().map_or_else(String::new, |why| format!("; the last has failed: {why}"));
        let (verdict, text) = match (certificate.expires, &certificate.error) {
            (None, None) => (Verdict::Ok, format!("none for {names} yet, the server gets it by itself once it runs")),
            (None, Some(_)) => (Verdict::Problem, format!("there is none for {names}{next}{failed}")),
            (Some(end), _) if end <= now => {
                (Verdict::Problem, format!("the one for {names} has expired on {}{next}{failed}", date(end)))
            }
            (Some(end), Some(_)) => {
                (Verdict::Warning, format!("the one for {names} is good until {}{next}{failed}", date(end)))
            }
            (Some(end), None) => (Verdict::Ok, format!("the one for {names} is good until {}{next}", date(end))),
        };
        Self { verdict, text }
    }
}

fn date(time: SystemTime) -> String {
    calendar::day(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())) // 1970 at least
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

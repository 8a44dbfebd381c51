use std::time::SystemTime;

use foobar_core::Chain;
use foobar_web::{CertificateCommand, SiteCertificate};

use super::output::{Exit, complain, out};
use super::runtime::block_on;
use crate::composition::Composition;

/// Lists the certificates of the sites: for which names, by whom, how long they are good, and when the next is ordered.
pub(super) fn run(composition: &Composition) -> Exit {
    let certificates = composition.certificates();
    if certificates.is_empty() {
        out("no site has a certificate");
    }
    certificates.iter().for_each(show);
    Exit::Success
}

/// Has something done with a certificate that the server gets by itself.
pub(super) fn change(composition: &Composition, command: &CertificateCommand) -> Exit {
    match block_on(composition.certificate_command(command)) {
        Ok(done) => out(done),
        Err(error) => complain(Chain(&*error)),
    }
}

fn show(certificate: &SiteCertificate) {
    out(format_args!("site {}  {}", certificate.site, certificate.names.join(" ")));
    line("issuer", certificate.issuer.as_deref().unwrap_or("none has been issued yet"));
    if let Some(expires) = certificate.expires {
        line("expires", &moment(expires));
    }
    match certificate.renews {
        Some(renews) => line("next order", &moment(renews)),
        None => line("next order", "none: its files are looked after elsewhere"),
    }
    if let Some(error) = &certificate.error {
        line("last error", error);
    }
}

/// A date, and in how many days it is.
fn moment(time: SystemTime) -> String {
    let now = SystemTime::now();
    let days = match time.duration_since(now) {
        Ok(left) => format!("in {} days", left.as_secs() / DAY),
        Err(past) => format!("{} days ago", past.duration().as_secs() / DAY),
    };
    format!("{} ({days})", httpdate::fmt_http_date(time))
}

const DAY: u64 = 24 * 60 * 60;

fn line(name: &str, value: &str) {
    out(format_args!("  {name:<12} {value}"));
}

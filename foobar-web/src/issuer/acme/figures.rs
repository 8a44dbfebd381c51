use std::sync::PoisonError;
use std::time::SystemTime;

use foobar_core::{Metrics, config};

use super::Acme;
use super::schedule::{DAY, seconds};

/// What is told of certificates while the server runs.
impl Acme {
    pub(in crate::issuer) fn metrics(&self, metrics: &mut Metrics) {
        for (site, failures) in &*self.failures.lock().unwrap_or_else(PoisonError::into_inner) {
            let help = "Orders of a certificate that have failed since the last that has not.";
            metrics.gauge("foobar_web_certificate_failed_orders", help, &[("site", site)], failures);
        }
        let Some(names) = &self.on_demand else { return };
        let site = &[("site", names.label.as_str())];
        let help = "Certificates for names that no site has (`ssl_on_demand`).";
        metrics.gauge("foobar_web_certificates_on_demand", help, site, names.shown.len());
        let help = "Names that no site has whose last order has failed.";
        metrics.gauge("foobar_web_certificates_on_demand_failed", help, site, names.failed());
        if let Some((_, expires)) = names.shown.nearest() {
            let help = "When the first of the certificates for names that no site has expires, in seconds since 1970.";
            metrics.gauge("foobar_web_certificates_on_demand_expiry_timestamp_seconds", help, site, expires);
        }
    }

    /// Which of the certificates for names that no site has needs somebody, in a sentence.
    pub(in crate::issuer) fn concern(&self, now: SystemTime) -> Option<String> {
        let names = self.on_demand.as_ref()?;
        let (name, expires) = names.shown.nearest()?;
        let left = expires - seconds(now).cast_signed();
        let near = names.shown.life_of(&name)? / 10;
        let when = match left {
            _ if left > near => return None,
            0.. => format!("expires in {} days", left / DAY.cast_signed()),
            _ => format!("has expired {} days ago", -left / DAY.cast_signed()),
        };
        let key = config::key(&["sites", &names.label]);
        Some(format!("`{key}.ssl_on_demand`: the certificate for {name} {when}; `certificates` says why"))
    }
}

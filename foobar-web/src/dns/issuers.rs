//! Which authorities may issue certificates for the names of the sites.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{AcmeSettings, DnsSettings, SiteSettings};

/// Those of the settings, by their names in CAA records; none means any.
pub(super) fn allowed(dns: &DnsSettings, acme: &AcmeSettings, sites: &BTreeMap<String, SiteSettings>) -> Vec<String> {
    match &dns.caa {
        Some(names) => names.to_vec(),
        None => own(acme, sites).map(str::to_owned).into_iter().collect(),
    }
}

/// The authority that this server gets certificates from, as far as it is known by name.
fn own(acme: &AcmeSettings, sites: &BTreeMap<String, SiteSettings>) -> Option<&'static str> {
    let is_auto = |site: &SiteSettings| site.ssl_certificate.iter().any(|path| path == Path::new("auto"));
    let host = acme.directory.strip_prefix("https://")?.split('/').next()?;
    let is_known = host.ends_with(".letsencrypt.org") && sites.values().any(is_auto);
    is_known.then_some("letsencrypt.org")
}

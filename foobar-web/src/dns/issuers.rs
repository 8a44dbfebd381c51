//! Which authorities may issue certificates for the names of the sites.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::{AcmeSettings, DnsSettings, SiteSettings};

/// Those of the settings, by their names in CAA records; none means any.
pub(super) fn allowed(dns: &DnsSettings, acme: &AcmeSettings, sites: &BTreeMap<String, SiteSettings>) -> Vec<String> {
    match &dns.caa {
        Some(names) => names.to_vec(),
        None => own(acme, sites).map(str::to_owned).into_iter().collect(),
    }
}

/// The authority that this server gets all its certificates from, as far as it is known by name.
fn own(acme: &AcmeSettings, sites: &BTreeMap<String, SiteSettings>) -> Option<&'static str> {
    let certificates = || sites.values().flat_map(|site| site.ssl_certificate.iter());
    let is_other = |path: &PathBuf| path.as_os_str().as_bytes().starts_with(b"auto:");
    let host = acme.directory.strip_prefix("https://")?.split('/').next()?;
    let is_own = certificates().any(|path| path == Path::new("auto")) && !certificates().any(is_other);
    (is_own && host.ends_with(".letsencrypt.org")).then_some("letsencrypt.org")
}

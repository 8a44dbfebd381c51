//! What the sites say of the zone: its name, and the names that lead to this server.

use std::collections::BTreeMap;
use std::net::IpAddr;

use foobar_core::config;
use hickory_proto::rr::Name;

use crate::dns::name::host;
use crate::site::certificate_names;
use crate::{Error, SiteSettings};

/// The names of the sites in DNS, a star at the front of some; not addresses, and none with a star at its end.
pub(super) fn names(sites: &BTreeMap<String, SiteSettings>) -> Result<Vec<String>, Error> {
    let names = sites.iter().map(|(label, site)| certificate_names(&config::key(&["sites", label]), site));
    let names = names.collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
    let is_public = |name: &String| name.parse::<IpAddr>().is_err() && name.contains('.');
    Ok(names.map(|name| name.trim_end_matches('.').to_owned()).filter(is_public).collect())
}

/// Whether a site answers to names that no site has.
pub(super) fn answers_any(sites: &BTreeMap<String, SiteSettings>) -> bool {
    sites.len() == 1 || sites.values().any(|site| site.default)
}

/// The name that all are or end in.
pub(super) fn common(names: &[String]) -> Option<Name> {
    let bare = |name: &String| {
        let name = name.strip_prefix("*.").unwrap_or(name); // most have no star
        name.strip_prefix("www.").unwrap_or(name).to_owned()
    };
    let is_common = |zone: &String| {
        names
            .iter()
            .all(|name| name.strip_suffix(zone.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    };
    let zone = names.iter().map(bare).find(is_common)?;
    host(&zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_the_name_that_all_others_end_in() {
        let common = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            common(&names).map(|name| name.to_ascii())
        };
        assert_eq!(common(&["www.foobar.com"]).as_deref(), Some("foobar.com."));
        assert_eq!(common(&["shop.foobar.com", "*.foobar.com", "foobar.com"]).as_deref(), Some("foobar.com."));
        for names in [&[][..], &["foobar.com", "foobar.net"], &["foobar.com", "xfoobar.com"]] {
            assert_eq!(common(names), None, "{names:?}");
        }
    }
}

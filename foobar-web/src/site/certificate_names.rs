use std::net::IpAddr;

use super::counterpart;
use super::server_name::ServerName;
use crate::{Error, SiteSettings, Www};
use foobar_core::List;

/// The names of a site as certificates have them, each once, with those that `www` adds; `key` is the site's. A name with a
/// star at its end has no place in a certificate.
pub(crate) fn certificate_names(key: &str, site: &SiteSettings) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for name in own(key, &site.server_name)? {
        let has_other = site.www != Www::Keep && !name.contains('*') && name.parse::<IpAddr>().is_err();
        let other = has_other.then(|| counterpart(&name));
        for name in [Some(name), other].into_iter().flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

fn own(key: &str, names: &List<String>) -> Result<Vec<String>, Error> {
    let parse = |name: &String| ServerName::parse(name).map(|name| name.in_certificates());
    let parsed: Result<Vec<_>, _> = names.iter().map(parse).collect();
    let parsed = parsed.map_err(|message| Error::setting(format!("{key}.server_name"), message))?;
    Ok(parsed.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_has_each_name_once_as_browsers_send_it_and_none_with_a_star_at_its_end() {
        let mut site = SiteSettings::default();
        let names = ["Foobar.com", "www.foobar.com", "*.Foobar.com", "bücher.de", "[::1]", "www.foobar.*"];
        site.server_name = names.map(str::to_owned).into_iter().collect();
        let names = |site: &SiteSettings| certificate_names("sites.a", site).unwrap();
        assert_eq!(names(&site), ["foobar.com", "www.foobar.com", "*.foobar.com", "xn--bcher-kva.de", "::1"]);
        site.server_name = ["foobar.com.", "*.foobar.com", "[::1]"].map(str::to_owned).into_iter().collect();
        site.www = Www::Remove;
        assert_eq!(names(&site), ["foobar.com", "www.foobar.com", "*.foobar.com", "::1"]);
    }
}

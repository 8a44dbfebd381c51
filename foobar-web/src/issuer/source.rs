use std::path::Path;

use crate::{Error, SiteSettings};

/// Where the certificate of a site comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// From files that somebody else looks after, or there is none.
    Files,
    /// From an authority of the server's own.
    Internal,
    /// From an authority that browsers know, by ACME: that of `[acme]`, or of the name `[acme.NAME]`.
    Auto(Option<String>),
}

impl Source {
    /// `key` is the site's, such as `sites.main`.
    pub(super) fn of(key: &str, site: &SiteSettings) -> Result<Self, Error> {
        let Some((word, source)) = site.ssl_certificate.iter().find_map(|path| Self::named(path)) else {
            return Ok(Self::Files);
        };
        if site.ssl_certificate.len() > 1 {
            let message = format!(
                "\"{word}\" stands alone, as it gives the site its certificate; a file of this name is \"./{word}\""
            );
            return Err(Error::setting(format!("{key}.ssl_certificate"), message));
        }
        if !site.ssl_certificate_key.is_empty() {
            let message =
                format!("with `ssl_certificate = \"{word}\"` the server makes the key itself; leave this out");
            return Err(Error::setting(format!("{key}.ssl_certificate_key"), message));
        }
        Ok(source)
    }

    fn named(path: &Path) -> Option<(&str, Self)> {
        match path.to_str()? {
            word @ "internal" => Some((word, Self::Internal)),
            word @ "auto" => Some((word, Self::Auto(None))),
            word => word.strip_prefix("auto:").map(|name| (word, Self::Auto(Some(name.to_owned())))),
        }
    }
}

use super::Sites;

/// Which site a `Host` field leads to, remembered.
pub(crate) struct KnownHost {
    host: Box<[u8]>,
    /// The number of the site.
    pub(crate) site: usize,
}

impl KnownHost {
    /// `None` where the site does not answer under this host itself.
    pub(crate) fn find(sites: &Sites, host: &[u8]) -> Option<Self> {
        let site = sites.serving(Some(str::from_utf8(host).ok()?))?; // no text, no host
        Some(Self { host: host.into(), site })
    }

    pub(crate) fn is(&self, host: &[u8]) -> bool {
        *self.host == *host
    }
}

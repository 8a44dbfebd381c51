use crate::net::Listen;

/// How an authority reaches the server when it looks whose a name is: at port 80 by HTTP, or at 443 by TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// By HTTP, and by TLS where that fails.
    HttpFirst,
    /// By TLS, and by HTTP where that fails.
    TlsFirst,
    /// By TLS; nobody comes without.
    TlsAlone,
}

impl Reach {
    pub(super) fn of(listen: &[Listen]) -> Self {
        let is_there = |ssl: bool, port: u16| listen.iter().any(|one| one.ssl == ssl && one.port() == Some(port));
        match listen.iter().all(|one| one.ssl) {
            true => Self::TlsAlone,
            // Where neither is there, something before the server leads to it.
            false if is_there(false, 80) || !is_there(true, 443) => Self::HttpFirst,
            false => Self::TlsFirst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_comes_by_http_unless_port_443_alone_is_there() {
        for (listen, reach) in [
            (vec!["0.0.0.0:80", "0.0.0.0:443 ssl"], Reach::HttpFirst),
            (vec!["0.0.0.0:8080", "0.0.0.0:8443 ssl"], Reach::HttpFirst),
            (vec!["unix:/run/a", "fd:3 ssl"], Reach::HttpFirst),
            (vec!["127.0.0.1:8080", "0.0.0.0:443 ssl"], Reach::TlsFirst),
            (vec!["0.0.0.0:443 ssl", "[::]:443 ssl"], Reach::TlsAlone),
        ] {
            let parsed: Vec<Listen> = listen.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(Reach::of(&parsed), reach, "{listen:?}");
        }
    }
}

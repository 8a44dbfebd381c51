use std::path::PathBuf;

use foobar_core::config::settings;
use foobar_core::{List, Period, Secret};

use super::choices::Challenge;

settings! {
    /// `[acme]`: the certificate authority that `ssl_certificate = "auto"` of a site gets its certificate from, by the
    /// protocol ACME (RFC 8555). `[acme.NAME]` is another one, with the same keys, for `ssl_certificate = "auto:NAME"`;
    /// it takes nothing from `[acme]`.
    ///
    /// ```toml
    /// [web]
    /// listen = ["0.0.0.0:80", "0.0.0.0:443 ssl"]
    ///
    /// [acme]
    /// accept_terms_of_service = true
    ///
    /// [sites.www]
    /// server_name = ["foobar.com", "www.foobar.com"]
    /// ssl_certificate = "auto"
    /// ```
    pub struct AcmeSettings in "acme" {
        /// Whether you accept the authority's terms of service, of Let's Encrypt those at
        /// https://letsencrypt.org/repository/; without it there are no certificates.
        pub accept_terms_of_service: bool = "false",
        /// How it is proved to the authority that names are this server's. `auto` is `dns-01` where there is a
        /// `dns_hook` or a name has a star, else `http-01` (the authority comes to port 80) or `tls-alpn-01` (to
        /// port 443), as the addresses of `web.listen` allow, and after two failures the other one. A name with a
        /// star needs `dns-01`, and that a `dns_hook` or the zone that is served (`dns.listen`).
        pub challenge: Challenge = r#""auto""#,
        /// Mail addresses at which the authority may reach you, such as `"admin@foobar.com"`; what it does with them is
        /// its own affair. They are told when the account is made.
        pub contact: List<String> = "[]",
        /// The URL of the authority's directory; the default is that of Let's Encrypt. For trials there is
        /// `"https://acme-staging-v02.api.letsencrypt.org/directory"`, whose certificates nobody trusts.
        pub directory: String = r#""https://acme-v02.api.letsencrypt.org/directory""#,
        /// A program that sets records in the DNS: the server proves by it that names are its own (dns-01), and so may
        /// have certificates for names with a star, or be where the authority does not reach it. It is called with
        /// `set NAME VALUE` and `clear NAME VALUE`: the first adds a TXT record beside others of that name, such as
        /// `_acme-challenge.foobar.com`, and ends when it can be seen, with 0; the second takes it away. Of the
        /// environment it gets `PATH`, `HOME`, `USER`, `LANG` and `TZ` alone.
        pub dns_hook: Option<PathBuf>,
        /// How long one call of `dns_hook` may take; then it is killed, and the order has failed.
        pub dns_hook_timeout: Period = r#""2m""#,
        /// The account that you have at the authority already, for those that ask for one (external account binding):
        /// the identifier of its key, as the authority shows it.
        pub eab_key_id: Option<String>,
        /// The HMAC key that belongs to `eab_key_id`, in base64url. It is used once, when the account of ACME is made.
        pub eab_hmac_key: Option<Secret>,
        /// The kind of certificates, where an authority offers several, such as `"shortlived"`: those of Let's Encrypt
        /// live for six days then, and are renewed after three.
        pub profile: Option<String>,
        /// The name (CN) of the root that the certificate is to lead to, such as `"ISRG Root X2"`, where an authority
        /// offers several chains. Without such a chain the log says so, and the authority's own choice is used.
        pub preferred_chain: Option<String>,
        /// Who has signed the certificate of the authority's own server: PEM files. The authorities that browsers know
        /// if absent.
        pub ssl_trusted_certificate: List<PathBuf> = "[]",
    }
}

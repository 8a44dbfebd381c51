//! What is demanded of the server's certificate.

use std::path::PathBuf;

use mysql_async::SslOpts;

use super::certificates;
use super::readable::read;
use crate::Error;
use crate::mysql::url::Server;

/// The TLS of a server, with the authority of `database.tls_ca`, if there is one.
pub(super) fn of(server: &Server, authority: Option<&PathBuf>) -> Result<Option<SslOpts>, Error> {
    match (server.opts.ssl_opts().cloned(), authority) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::Url("has no `ssl-mode=required`, which `database.tls_ca` is for")),
        (Some(tls), None) if takes_any_name(&tls) => Err(Error::Url(
            "asks for a look at the server's authority and not at its name (`ssl-mode=verify_ca`), which everybody with \
             a public certificate would pass; set `database.tls_ca` to the file of your own authority",
        )),
        (Some(tls), None) => Ok(Some(tls)),
        (Some(_), Some(_)) if server.may_be_plain => Err(Error::Url(
            "has `ssl-mode=preferred`, which looks at no certificate, and `database.tls_ca` names its authority; write \
             `ssl-mode=verify_ca` or `ssl-mode=verify_identity`",
        )),
        (Some(tls), Some(_)) if tls.accept_invalid_certs() => Err(Error::Url(
            "has `verify_ca=false`, which looks at no certificate, and `database.tls_ca` names its authority; leave one of \
             the two out",
        )),
        (Some(tls), Some(file)) => {
            let read = read(file).map_err(|source| Error::Authority { file: file.clone(), source })?;
            let wrong = |why: &str| Error::File { key: "tls_ca", file: file.clone(), why: why.to_owned() };
            certificates::check_authorities(&read).map_err(wrong)?;
            let tls = tls.with_root_certs(vec![read.into()]); // what was looked at
            Ok(Some(if takes_any_name(&tls) { of_authority_alone(tls) } else { tls }))
        }
    }
}

fn takes_any_name(tls: &SslOpts) -> bool {
    tls.skip_domain_validation() && !tls.accept_invalid_certs()
}

/// The driver forgives a wrong name by the text of rustls's error, in which it looks for `NotValidForName`. Since rustls
/// has a text of its own for it, the word is there only as the name that was asked for. No certificate is for that name,
/// and rustls compares names last, when it has verified all else.
fn of_authority_alone(tls: SslOpts) -> SslOpts {
    tls.with_disable_built_in_roots(true).with_danger_tls_hostname_override(Some("NotValidForName.invalid"))
}

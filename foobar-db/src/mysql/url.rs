//! The URL of a server, as other clients write it too. The driver's own errors quote the URL, and so a password: none
//! of them is passed on.

mod parameters;

use std::net::Ipv6Addr;

use mysql_async::{Opts, OptsBuilder, SslOpts};

use crate::Error;
use crate::url_parameter::UrlParameter;
use parameters::{Wish, understand};

/// What is wrong with a password, and how it is written.
macro_rules! percent_encoded {
    ($wrong:literal) => {
        concat!(
            $wrong,
            "; the special characters of a password are percent-encoded: write `%40` for `@`, `%2F` for `/`, `%3F` for \
             `?`, `%23` for `#`, `%25` for `%`"
        )
    };
}

/// The server of a URL, and how it is spoken to.
pub(super) struct Server {
    pub(super) opts: Opts,
    /// Whether in clear, where it has no TLS.
    pub(super) may_be_plain: bool,
}

/// The server of a URL. A parameter that another client knows is understood, or named in the error.
pub(super) fn parse(url: &str) -> Result<Server, Error> {
    let (_, rest) = url.split_once(':').unwrap_or_default(); // without a scheme it is refused below
    ends_early(rest).map_or(Ok(()), |why| Err(Error::Url(why)))?;
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    read(place)?; // before a name of a parameter is shown, which would be the rest of a password
    let (parameters, prefers_tls) = translated(parameters)?;
    let opts = read(&format!("{place}?{}", parameters.join("&")))?;
    match (opts.socket(), opts.ssl_opts()) {
        (Some(_), Some(_)) => Err(Error::Url(
            "asks for TLS on a Unix socket, where the driver speaks none, and nobody can listen; leave out `ssl-mode` \
             and `require_ssl`, or name a host instead of the socket",
        )),
        (None, None) if prefers_tls => Ok(Server { opts: with_any_tls(without_brackets(opts)), may_be_plain: true }),
        _ => Ok(Server { opts: without_brackets(opts), may_be_plain: false }),
    }
}

/// Whether there is a password in the URL; not in one that cannot be used.
pub(crate) fn has_password(url: &str) -> bool {
    let server = parse(url);
    server.is_ok_and(|server| server.opts.pass().is_some_and(|password| !password.is_empty()))
}

/// What the driver makes of a URL without its scheme.
fn read(rest: &str) -> Result<Opts, Error> {
    let opts = Opts::from_url(&format!("mysql:{rest}")).ok().filter(|opts| opts.db_name().is_some());
    opts.ok_or(Error::Url(
        "is not `mysql://USER:PASSWORD@HOST:PORT/NAME` with parameters such as `?socket=/PATH` or \
         `?ssl-mode=required`; in a password write `%40` for `@`, `%2F` for `/`, `%3F` for `?`, `%23` for `#`",
    ))
}

/// TLS against those who listen, with whatever certificate.
fn with_any_tls(opts: Opts) -> Opts {
    let tls = SslOpts::default().with_danger_accept_invalid_certs(true);
    OptsBuilder::from_opts(opts).ssl_opts(tls).into()
}

/// The driver would look up the name `[::1]`.
fn without_brackets(opts: Opts) -> Opts {
    let inside = opts.ip_or_hostname().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = inside.filter(|inside| inside.parse::<Ipv6Addr>().is_ok()).map(str::to_owned);
    address.map_or(opts.clone(), |address| OptsBuilder::from_opts(opts).ip_or_hostname(address).into())
}

/// What may end a password earlier than it was meant to: its rest would pass for a host or a name, and be shown.
fn ends_early(rest: &str) -> Option<&'static str> {
    let rest = rest.strip_prefix("//").unwrap_or(rest); // without it there is no authority, and the driver refuses it
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len()); // nothing is beyond it
    let (authority, beyond) = rest.split_at(end);
    let is_early = beyond.contains('@') || authority.matches('@').count() > 1;
    is_early.then(|| match beyond.chars().next() {
        Some('/') if !authority.contains('@') => percent_encoded!("holds a `/` before the `@` of the host"),
        Some('?') if !authority.contains('@') => percent_encoded!("holds a `?` before the `@` of the host"),
        Some('#') if !authority.contains('@') => percent_encoded!("holds a `#` before the `@` of the host"),
        _ => percent_encoded!("holds an `@` besides the one before the host"),
    })
}

/// The parameters in the driver's words, and whether TLS is preferred.
fn translated(parameters: &str) -> Result<(Vec<String>, bool), Error> {
    let (parameters, fragment) = parameters.split_once('#').map_or((parameters, ""), |(all, rest)| (all, rest));
    if !fragment.is_empty() {
        return Err(Error::Url("holds a `#`; in a password write `%23` for it"));
    }
    let (mut translated, mut prefers_tls) = (Vec::new(), false);
    for parameter in UrlParameter::all(parameters) {
        match understand(parameter).map_err(|why| parameter.refuse(why))? {
            Wish::Nothing => {}
            Wish::Driver(words) => translated.push(words),
            Wish::PreferTls => prefers_tls = true,
        }
    }
    Ok((translated, prefers_tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_a_certificate_that_is_looked_at_gets_tls() {
        for parameter in [
            "verify_ca=true",
            "verify_identity=true",
            "ssl_verify_cert=true",
            "sslVerifyIdentity=1",
            "ssl_check_hostname=true",
            "verifyServerCertificate=true",
            "rejectUnauthorized=true",
            "sslaccept=strict",
        ] {
            let server = parse(&format!("mysql://u@h/d?{parameter}")).unwrap();
            assert!(server.opts.ssl_opts().is_some() && !server.may_be_plain, "{parameter}");
        }
        let error = parse("mysql://u@h/d?ssl_disabled=false").err().unwrap().to_string();
        assert!(error.contains("`ssl_disabled`, which asks for TLS; write `ssl-mode="), "{error}");
    }
}

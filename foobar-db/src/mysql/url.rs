//! The URL of a server, as other clients write it too. The driver's own errors quote the URL, and so a password: none
//! of them is passed on.

use std::net::Ipv6Addr;

use mysql_async::{Opts, OptsBuilder, SslOpts};

use crate::Error;

/// The server of a URL, and how it is spoken to.
pub(super) struct Server {
    pub(super) opts: Opts,
    /// Whether in clear, where it has no TLS.
    pub(super) may_be_plain: bool,
}

/// The server of a URL. A parameter that another client knows is understood, or named in the error.
pub(super) fn parse(url: &str) -> Result<Server, Error> {
    let (_, rest) = url.split_once(':').unwrap_or_default(); // without a scheme it is refused below
    if ends_early(rest) {
        return Err(Error::Url(
            "holds an `@` besides the one before the host; the special characters of a password are percent-encoded: \
             write `%40` for `@`, `%2F` for `/`, `%3F` for `?`, `%23` for `#`, `%25` for `%`",
        ));
    }
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let mut parameters = translated(parameters)?;
    let prefers_tls = parameters.iter().any(|parameter| parameter == PREFERRED);
    parameters.retain(|parameter| parameter != PREFERRED);
    let rest = format!("{place}?{}", parameters.join("&"));
    let opts = Opts::from_url(&format!("mysql:{rest}")).ok().filter(|opts| opts.db_name().is_some());
    let opts = opts.ok_or(Error::Url(
        "is not `mysql://USER:PASSWORD@HOST:PORT/NAME` with parameters such as `?socket=/PATH` or \
         `?ssl-mode=required`; in a password write `%40` for `@`, `%2F` for `/`, `%3F` for `?`, `%23` for `#`",
    ))?;
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

/// Whether a password may end earlier than it was meant to: its rest would pass for a host or a name, and be shown.
fn ends_early(rest: &str) -> bool {
    let rest = rest.strip_prefix("//").unwrap_or(rest); // without it there is no authority, and the driver refuses it
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len()); // nothing is beyond it
    let (authority, beyond) = rest.split_at(end);
    beyond.contains('@') || authority.matches('@').count() > 1
}

/// The parameters in the driver's words.
fn translated(parameters: &str) -> Result<Vec<String>, Error> {
    let (parameters, fragment) = parameters.split_once('#').map_or((parameters, ""), |(all, rest)| (all, rest));
    if !fragment.is_empty() {
        return Err(Error::Url("holds a `#`; in a password write `%23` for it"));
    }
    let translated = parameters.split('&').filter(|parameter| !parameter.is_empty()).map(translate);
    let translated = translated.collect::<Result<Vec<_>, _>>().map_err(Error::Url)?;
    Ok(translated.into_iter().flatten().collect())
}

/// One parameter in the driver's words; `None` where it asks for what is the case anyway.
fn translate(parameter: &str) -> Result<Option<String>, &'static str> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, "")); // the driver refuses it
    let value_of_other = value.to_ascii_lowercase().replace(['-', '_'], "");
    match name.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
        "charset" | "characterset" | "characterencoding" | "encoding" => charset(&value_of_other),
        "sslmode" | "ssl" | "usessl" | "tls" => ssl_mode(&value_of_other),
        "verifyidentity" => Ok(Some(format!("verify_identity={value_of_other}"))),
        "sslca" | "sslrootcert" | "tlsca" => Err("names a certificate authority; set `database.tls_ca` to its file"),
        "sslcert" | "sslkey" => {
            Err("names a client certificate; set `database.tls_cert` and `database.tls_key` to its files")
        }
        "collation" | "connectioncollation" => {
            Err("has a `collation`; leave it out and give the tables theirs, which comparisons follow")
        }
        "timezone" | "servertimezone" | "loc"
            if matches!(value_of_other.as_str(), "utc" | "%2b00:00" | "%2b00%3a00") =>
        {
            Ok(None)
        }
        "timezone" | "servertimezone" | "loc" => Err("has a time zone other than UTC, which every session has"),
        "timeout" | "connecttimeout" | "connectiontimeout" => {
            Err("has a timeout for connecting; set `database.connect_timeout` instead")
        }
        "readtimeout" | "writetimeout" | "sockettimeout" => {
            Err("has a timeout for reading or writing; set `database.query_timeout` instead")
        }
        "connectionlimit" | "poolsize" | "maxpoolsize" | "poolmax" | "poolmin" => {
            Err("has the size of a pool; set `database.connections` instead")
        }
        _ => Ok(Some(parameter.to_owned())),
    }
}

fn charset(charset: &str) -> Result<Option<String>, &'static str> {
    match charset {
        "utf8" | "utf8mb3" | "utf8mb4" => Ok(None),
        _ => Err("has a `charset` other than `utf8mb4`, which every session has; leave it out"),
    }
}

/// What MySQL's own programs call `ssl-mode`. Whoever requires TLS gets it with a certificate that is verified, and its
/// name too unless that is left out by a word of its own.
fn ssl_mode(mode: &str) -> Result<Option<String>, &'static str> {
    match mode {
        "disabled" | "disable" | "false" | "0" | "skip" => Ok(None),
        "required" | "require" | "verifyidentity" | "verifyfull" | "true" | "1" => {
            Ok(Some("require_ssl=true".to_owned()))
        }
        "preferred" | "prefer" => Ok(Some(PREFERRED.to_owned())),
        "verifyca" => Ok(Some("require_ssl=true&verify_identity=false".to_owned())),
        _ => Err("has an unknown `ssl-mode`; write `ssl-mode=` and `required`, `verify_identity`, `verify_ca`, \
             `preferred` or `disabled`"),
    }
}

/// For us and not for the driver, which has no such mode.
const PREFERRED: &str = "ssl-mode=preferred";

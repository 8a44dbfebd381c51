//! The URL of a server, as other clients write it too. The driver's own errors quote the URL, and so a password: none
//! of them is passed on.

use std::net::Ipv6Addr;

use mysql_async::{Opts, OptsBuilder};

use crate::Error;

/// The server of a URL. A parameter that another client knows is understood, or named in the error.
pub(super) fn parse(url: &str) -> Result<Opts, Error> {
    let (_, rest) = url.split_once(':').unwrap_or_default(); // without a scheme it is refused below
    if ends_early(rest) {
        return Err(Error::Url(
            "holds an `@` besides the one before the host; the special characters of a password are percent-encoded: \
             write `%40` for `@`, `%2F` for `/`, `%3F` for `?`, `%23` for `#`, `%25` for `%`",
        ));
    }
    let rest = match rest.split_once('?') {
        Some((place, parameters)) => format!("{place}?{}", translated(parameters)?),
        None => rest.to_owned(),
    };
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
        _ => Ok(without_brackets(opts)),
    }
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
fn translated(parameters: &str) -> Result<String, Error> {
    let (parameters, fragment) = parameters.split_once('#').map_or((parameters, ""), |(all, rest)| (all, rest));
    if !fragment.is_empty() {
        return Err(Error::Url("holds a `#`; in a password write `%23` for it"));
    }
    let translated = parameters.split('&').filter(|parameter| !parameter.is_empty()).map(translate);
    let translated = translated.collect::<Result<Vec<_>, _>>().map_err(Error::Url)?;
    Ok(translated.into_iter().flatten().collect::<Vec<_>>().join("&"))
}

/// One parameter in the driver's words; `None` where it asks for what is the case anyway.
fn translate(parameter: &str) -> Result<Option<String>, &'static str> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, "")); // the driver refuses it
    let value_of_other = value.to_ascii_lowercase().replace(['-', '_'], "");
    match name.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
        "charset" | "characterset" | "characterencoding" | "encoding" => charset(&value_of_other),
        "sslmode" | "ssl" | "usessl" | "tls" => ssl_mode(&value_of_other),
        "verifyidentity" if value_of_other != "true" => Err(NO_CA_ALONE),
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

/// What MySQL's own programs call `ssl-mode`. Whoever asks for TLS gets it with a certificate that is verified.
fn ssl_mode(mode: &str) -> Result<Option<String>, &'static str> {
    match mode {
        "disabled" | "disable" | "false" | "0" | "skip" => Ok(None),
        "required" | "require" | "verifyidentity" | "verifyfull" | "true" | "1" => {
            Ok(Some("require_ssl=true".to_owned()))
        }
        "preferred" | "prefer" | "allow" => {
            Err("has `ssl-mode=preferred`, which leaves it to the network whether the connection is encrypted; write \
             `ssl-mode=required` or `ssl-mode=disabled`")
        }
        "verifyca" => Err(NO_CA_ALONE),
        _ => Err(
            "has an unknown `ssl-mode`; write `ssl-mode=required`, `ssl-mode=verify_identity` or `ssl-mode=disabled`",
        ),
    }
}

const NO_CA_ALONE: &str = "asks for TLS without a look at the server's name, which the driver does not have; write \
     `ssl-mode=verify_identity`, and as the host a name that is in the server's certificate";

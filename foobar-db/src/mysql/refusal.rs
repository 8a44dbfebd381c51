//! Why a server could not be connected to, in which words, and whether it refuses us, so that trying again does not help.
//!
//! What ends a start is what somebody has to correct: a name, a password, a setting, a certificate of another authority
//! or for another name. A certificate that has expired, or is not valid yet, does not: those who renew it, or set the
//! clock, should not have to start every program again.

use std::error::Error as StdError;

use foobar_core::panics::Panic;
use mysql_async::{DriverError, Error, IoError, ServerError};
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use rustls_pki_types::UnixTime;

use super::Options;
use crate::ConnectError;
use crate::calendar::date_of;

/// Access denied, to the server, to the database or without a password; an unknown database; a password that has
/// expired; an account that is locked, or blocked after wrong passwords; a host that may not come; a proof that the
/// server wants and we do not have, or that it does not have itself; a way that is not encrypted where it has to be.
const REFUSED: [u16; 14] = [1044, 1045, 1049, 1130, 1251, 1275, 1524, 1698, 1820, 1862, 3118, 3159, 3955, 4151];

/// The server's own limit of connections, and two of the user.
const FULL: [u16; 3] = [1040, 1203, 1226];

/// Whether a server says that a user's password, or the proof of it, is wrong.
pub(super) fn denies_password(error: &Error) -> bool {
    matches!(error, Error::Server(error) if error.code == DENIED)
}

/// The number of that.
const DENIED: u16 = 1045;

/// Tells a server that refuses us from one that is not there or has no room.
pub(super) fn classify(error: Error, options: &Options) -> ConnectError {
    match error {
        Error::Server(error) if REFUSED.contains(&error.code) => ConnectError::Refused(of_server(error, options)),
        Error::Server(error) if FULL.contains(&error.code) => ConnectError::Full(error.message),
        Error::Server(error) => ConnectError::Unreachable(error.message),
        Error::Driver(DriverError::NoClientSslFlagFromServer) => ConnectError::Refused(NO_TLS.to_owned()),
        Error::Driver(DriverError::CleartextPluginDisabled) => ConnectError::Refused(CLEAR.to_owned()),
        // Such as MySQL also names for a user that there is not.
        Error::Driver(
            error @ (DriverError::UnknownAuthPlugin { .. }
            | DriverError::MysqlOldPasswordDisabled
            | DriverError::NoKeyFound),
        ) => ConnectError::Refused(error.to_string()),
        Error::Io(error) => {
            match of_certificate(&error).map(|why| why.told(options)).or_else(|| alert(&error, options)) {
                Some(told) => told,
                None => ConnectError::Unreachable(error.to_string()), // its own words are the same
            }
        }
        other => ConnectError::Unreachable(other.to_string()),
    }
}

/// The server's words; it does not say that a certificate was missing.
fn of_server(error: ServerError, options: &Options) -> String {
    let is_unknown = options.server.ssl_opts().is_some() && options.certificate().is_none();
    match error.code {
        DENIED if is_unknown => format!("{}{NO_IDENTITY}", error.message),
        3159 => format!("{}; write `ssl-mode=required` in `database.url`", error.message),
        _ => error.message,
    }
}

const NO_TLS: &str = "the server has no TLS, which `ssl-mode` in `database.url` demands; give it a certificate, or \
    go over a Unix socket, or over a network that nobody else is on with `ssl-mode=disabled`";

const CLEAR: &str = "the server asks for this user's password in clear, and Foobar never sends it so; give the user \
    a password of another kind";

const NO_IDENTITY: &str = "; where the server wants a certificate of this user (REQUIRE X509), set \
    `database.tls_cert` and `database.tls_key`";

/// What is wrong with the certificate of the server.
enum Wrong {
    /// Somebody has to correct it.
    Lasting(String),
    /// Its time.
    Time(String),
}

impl Wrong {
    /// With the host and the authority that it was looked at for.
    fn told(self, options: &Options) -> ConnectError {
        let host = options.server.ip_or_hostname();
        let authority = options.authority().map(|file| format!(" (`database.tls_ca` is {})", file.display()));
        let authority = authority.unwrap_or_default(); // a public one
        let tell = |why| format!("the certificate of the server {host} {why}{authority}");
        match self {
            Self::Lasting(why) => ConnectError::Refused(tell(why)),
            Self::Time(why) => ConnectError::Unreachable(tell(why)),
        }
    }
}

fn of_certificate(error: &IoError) -> Option<Wrong> {
    let TlsError::InvalidCertificate(error) = tls_error(error)? else { return None };
    Some(match error {
        // The second where the authority has the same name and another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Wrong::Lasting(
            "is of another authority than those that are trusted: it is signed by itself, by an authority that is \
             not in `database.tls_ca`, or it came without those in between"
                .to_owned(),
        ),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            Wrong::Lasting(format!("is for no name at all; {WITHOUT_NAME}"))
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            Wrong::Lasting(format!("is for another name: {}; {OTHER_NAME}", names(presented)))
        }
        CertificateError::ExpiredContext { not_after, time } => Wrong::Time(format!(
            "has expired on {}; by the clock of this machine it is {}",
            date(*not_after),
            date(*time)
        )),
        CertificateError::NotValidYetContext { not_before, time } => Wrong::Time(format!(
            "is not valid before {}; by the clock of this machine it is {}",
            date(*not_before),
            date(*time)
        )),
        CertificateError::Expired | CertificateError::NotValidYet => {
            Wrong::Time(format!("is out of its time: {error}"))
        }
        other => Wrong::Lasting(format!("cannot be trusted: {other}")),
    })
}

/// What the server says of the certificate that it was shown, if that is what it says. One that has expired may be renewed.
fn alert(error: &IoError, options: &Options) -> Option<ConnectError> {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRevoked, CertificateUnknown, DecryptError,
        UnknownCA, UnsupportedCertificate,
    };
    let (TlsError::AlertReceived(alert), file) = (tls_error(error)?, options.certificate()?) else { return None };
    let why = match alert {
        CertificateExpired => "it has expired, or is not valid yet, by the server's clock",
        UnknownCA => "it is of another authority than those that the server trusts (its `ssl-ca`)",
        CertificateRevoked => "it has been revoked",
        BadCertificate | CertificateUnknown | UnsupportedCertificate | AccessDenied | DecryptError => {
            "the server gives no reason; its authority may be another one, or the certificate not one for clients"
        }
        _ => return None,
    };
    let told = format!("the server does not take `database.tls_cert` {}: {why} (TLS: {alert:?})", file.display());
    let is_lasting = *alert != CertificateExpired;
    Some(if is_lasting { ConnectError::Refused(told) } else { ConnectError::Unreachable(told) })
}

const OTHER_NAME: &str = "write one of its names as the host in `database.url`, or `ssl-mode=verify_ca`, which \
    looks at none";
const WITHOUT_NAME: &str = "write `ssl-mode=verify_ca` in `database.url`, which looks at none";

/// The error of TLS inside of one of the system's.
fn tls_error(error: &IoError) -> Option<&TlsError> {
    let inner = match error {
        IoError::Io(error) => error.get_ref()? as &(dyn StdError + 'static),
        IoError::Tls(error) => error.source()?,
    };
    inner.downcast_ref()
}

/// Without the kinds that rustls writes around them.
fn names(presented: &[String]) -> String {
    let name = |text: &String| text.split('"').nth(1).unwrap_or(text).to_owned(); // an address has no quotes
    presented.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A moment as a person writes it.
fn date(moment: UnixTime) -> String {
    let seconds = i64::try_from(moment.as_secs()).unwrap_or(i64::MAX); // which is in no certificate
    let ([year, month, day], clock) = (date_of(seconds / DAY), seconds % DAY);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", clock / 3600, clock / 60 % 60, clock % 60)
}

const DAY: i64 = 24 * 60 * 60;

/// The driver panics where rustls does not know with which of two providers to encrypt, and where a server sends something
/// other than the key to encrypt a password with.
pub(super) fn refused_by_driver(panic: &Panic) -> ConnectError {
    let panic = panic.to_string();
    match KNOWN_PANICS.iter().find(|(word, _)| panic.contains(word)) {
        Some((_, why)) => ConnectError::Refused((*why).to_owned()),
        None => ConnectError::Unreachable(format!("the driver {panic}")),
    }
}

/// By a word of theirs.
const KNOWN_PANICS: [(&str, &str); 3] =
    [("CryptoProvider", NO_PROVIDER), ("valid PEM", NO_KEY), ("valid base64", NO_KEY)];

const NO_PROVIDER: &str = "this program holds two providers of cryptography and has chosen none, so that nothing \
    can be encrypted; it calls `foobar::tiers::crypto_provider().install_default()` before it opens a database, as \
    `Server::run` does";

const NO_KEY: &str = "the server has sent no key to encrypt the password with. A server does so when it takes the connection for \
    encrypted (behind a proxy to its socket, for example) and this user has no password; give the user one on the server, or \
    take it out of `database.url`";

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a web tier listens; displayed as `http://127.0.0.1:8080`, `https://127.0.0.1:8443` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A TCP socket; the port is the real one where 0 was asked for.
    Tcp(SocketAddr),
    /// A TCP socket whose connections speak TLS; the port is the real one.
    Tls(SocketAddr),
    /// A Unix socket: its path, or `@` and its name where it has no file.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Tls(address) => write!(f, "https://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One entry of `web.listen`: an endpoint, and the words after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) endpoint: Endpoint,
    /// Whether its connections speak TLS (`ssl`).
    pub(crate) ssl: bool,
    /// Whether they begin with a PROXY header (`proxy_protocol`).
    pub(crate) proxy_protocol: bool,
}

/// What is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A host name or address with its port, in the usual form: the same address is the same text.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
    /// The name of a Unix socket that has no file.
    Abstract(String),
    /// A file descriptor that was inherited.
    Inherited(i32),
}

impl Listen {
    /// Whether browsers expect TLS here.
    pub(crate) fn is_https_port(&self) -> bool {
        self.port() == Some(443)
    }

    /// Its port, if it has one by itself.
    pub(crate) fn port(&self) -> Option<u16> {
        let Endpoint::Tcp(address) = &self.endpoint else { return None };
        address.rsplit_once(':')?.1.parse().ok() // an address has been parsed
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let endpoint = words.next().unwrap_or_default().parse()?; // no word is no address
        let mut listen = Self { endpoint, ssl: false, proxy_protocol: false };
        for word in words {
            let flag = match word {
                "ssl" => &mut listen.ssl,
                "proxy_protocol" => &mut listen.proxy_protocol,
                _ => return Err(format!("\"{text}\": {word:?} is no word for a listener; the words are {WORDS}")),
            };
            if std::mem::replace(flag, true) {
                return Err(format!("\"{text}\": {word:?} is there twice"));
            }
        }
        Ok(listen)
    }
}

const WORDS: &str = "\"ssl\", \"proxy_protocol\"";

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = if let Some(name) = text.strip_prefix("unix:@") {
            let fits = !name.is_empty() && name.len() <= LONGEST_NAME && cfg!(target_os = "linux");
            fits.then(|| Self::Abstract(name.to_owned()))
        } else if let Some(path) = text.strip_prefix("unix:") {
            (!path.is_empty() && !path.contains('\0')).then(|| Self::Unix(PathBuf::from(path)))
        } else if let Some(number) = text.strip_prefix("fd:") {
            number.parse().ok().filter(|fd| *fd >= 0).map(Self::Inherited) // not a number: refused below
        } else {
            tcp(text).map(Self::Tcp)
        };
        parsed.ok_or_else(|| {
            format!(
                "{text:?} is not an address; write for example \"127.0.0.1:8080\", \"[::]:443 ssl\", \
                 \"unix:/run/foobar.sock\", \"unix:@foobar\" or \"fd:3\""
            )
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Abstract(name) => write!(f, "unix:@{name}"),
            Self::Inherited(fd) => write!(f, "fd:{fd}"),
        }
    }
}

/// The bytes of an address, without the one that says that there is no file.
const LONGEST_NAME: usize = 107;

fn tcp(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.to_string());
    }
    let (host, port) = text.rsplit_once(':').filter(|(host, _)| is_host(host))?;
    let port: u16 = port.parse().ok()?; // no number: no address
    Some(format!("{}:{port}", host.to_ascii_lowercase()))
}

/// An IPv6 address has brackets, so a colon elsewhere is a missing port.
fn is_host(host: &str) -> bool {
    !host.is_empty() && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_a_port_a_unix_path_or_a_descriptor() {
        assert_eq!("127.0.0.1:8080".parse(), Ok(Endpoint::Tcp("127.0.0.1:8080".into())));
        assert_eq!("[::1]:0".parse(), Ok(Endpoint::Tcp("[::1]:0".into())));
        assert_eq!("localhost:80".parse(), Ok(Endpoint::Tcp("localhost:80".into())));
        assert_eq!("LocalHost:080".parse(), Ok(Endpoint::Tcp("localhost:80".into())));
        assert_eq!("[0:0::1]:80".parse(), Ok(Endpoint::Tcp("[::1]:80".into())));
        assert_eq!("unix:/a/b".parse(), Ok(Endpoint::Unix("/a/b".into())));
        assert_eq!("unix:@a/b".parse(), Ok(Endpoint::Abstract("a/b".into())));
        assert_eq!("fd:3".parse(), Ok(Endpoint::Inherited(3)));
        for bad in ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:99999", "::1:80", "unix:", "unix:@", "fd:x", "fd:-1"] {
            let error = bad.parse::<Listen>().expect_err(bad);
            assert!(error.contains("is not an address; write for example"), "{error}");
        }
    }

    #[test]
    fn words_after_an_address_say_what_its_connections_speak() {
        let listen: Listen = " [::]:443   ssl ".parse().unwrap();
        assert!(listen.ssl && listen.is_https_port());
        assert!(!"0.0.0.0:80".parse::<Listen>().unwrap().ssl);
        let listen: Listen = "unix:/a proxy_protocol ssl".parse().unwrap();
        assert!(listen.ssl && listen.proxy_protocol);
        let error = "0.0.0.0:443 tls".parse::<Listen>().unwrap_err();
        assert!(error.starts_with("\"0.0.0.0:443 tls\": \"tls\" is no word for a listener; the words are "), "{error}");
        assert!("0.0.0.0:443 ssl ssl".parse::<Listen>().unwrap_err().ends_with("\"ssl\" is there twice"));
    }

    #[test]
    fn an_address_is_displayed_as_a_url() {
        assert_eq!(Address::Tcp(([127, 0, 0, 1], 80).into()).to_string(), "http://127.0.0.1:80");
        assert_eq!(Address::Tls(([127, 0, 0, 1], 443).into()).to_string(), "https://127.0.0.1:443");
        assert_eq!(Address::Unix("/a".into()).to_string(), "unix:/a");
    }
}

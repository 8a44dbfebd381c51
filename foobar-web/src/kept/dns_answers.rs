use foobar_core::{BoxError, BoxFuture};

/// Where the answers of the challenge dns-01 are set (RFC 8555 §8.4): records of the type TXT, by which an authority sees
/// that a name is this server's.
pub trait DnsAnswers: Send + Sync {
    /// Whether records of this name, which has no dot at its end, can be set here.
    fn covers(&self, name: &str) -> bool;

    /// Adds a record with this value at this name, such as `_acme-challenge.foobar.com`; others of that name stay. An
    /// authority may look as soon as this is done.
    fn set<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), BoxError>>;

    /// Takes that record away again.
    fn clear<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), BoxError>>;
}

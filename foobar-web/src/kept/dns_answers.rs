use std::future::Future;
use std::pin::Pin;

use foobar_core::BoxError;

/// Where the answers of the challenge dns-01 are set (RFC 8555 §8.4): records of the type TXT.
pub(crate) trait DnsAnswers: Send + Sync {
    /// Adds a record with this value at this name, which has no dot at its end; others of that name stay. An authority
    /// may look as soon as this is done.
    fn set<'a>(&'a self, name: &'a str, value: &'a str) -> SetDns<'a>;

    /// Takes that record away again.
    fn clear<'a>(&'a self, name: &'a str, value: &'a str) -> SetDns<'a>;
}

/// When it is done, or why it is not.
pub(crate) type SetDns<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

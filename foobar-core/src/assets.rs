use std::fmt;
use std::sync::Arc;

/// The files that a site serves, for whoever names them in a page; in the extensions of each request that goes to the
/// application. An application calls `foobar::asset`, which finds it there.
#[derive(Clone)]
pub struct Assets(Arc<Find>);

type Find = dyn Fn(&str) -> Result<String, AssetError> + Send + Sync;

/// Why a file has no URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no asset {name:?}: {reason}")]
pub struct AssetError {
    name: String,
    reason: String,
}

impl Assets {
    /// Those of which `find` knows the URL.
    pub fn new(find: impl Fn(&str) -> Result<String, AssetError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    /// The URL of the file of this name.
    pub fn url(&self, name: &str) -> Result<String, AssetError> {
        (self.0)(name)
    }
}

impl fmt::Debug for Assets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assets")
    }
}

impl AssetError {
    /// `reason` says where was looked, or what is wrong with the name.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

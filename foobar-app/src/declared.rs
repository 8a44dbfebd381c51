use std::any::type_name;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Settings of the program's own, which it has declared by `Server::settings`: an argument of a handler, and what
/// [`Context::settings`](crate::Context::settings) gives. It is cheap to clone.
///
/// ```
/// # use foobar_app as foobar;
/// use foobar::Settings;
///
/// #[derive(serde::Deserialize)]
/// struct Guestbook {
///     per_page: u32,
/// }
///
/// async fn entries(guestbook: Settings<Guestbook>) -> String {
///     format!("{} on each page", guestbook.per_page)
/// }
/// ```
///
/// Where nobody has declared them the answer is 500, and the log says what to do.
pub struct Settings<T>(Arc<T>);

/// Nobody has declared the settings of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are no settings `{0}`: declare them with `Server::settings::<{0}>(\"NAME\")`, and in a test, make the client with `foobar::test::site` from a server that has them"
)]
pub struct UndeclaredSettings(&'static str);

/// Nobody has declared the private folder of this route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no route {0:?} has a private folder: declare it with `Server::private({0:?}, FOLDER)`, and in a test, make the client with `foobar::test::site` from a server that has it"
)]
pub struct UndeclaredFolder(String);

impl UndeclaredFolder {
    pub(crate) fn of(route: &str) -> Self {
        Self(route.to_owned())
    }
}

impl<T> Settings<T> {
    pub(crate) fn new(settings: Arc<T>) -> Self {
        Self(settings)
    }
}

impl UndeclaredSettings {
    pub(crate) fn of<T>() -> Self {
        Self(type_name::<T>())
    }
}

impl<T> Deref for Settings<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Settings<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Settings<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

//! What [`settings!`](crate::settings!) needs of this crate.

pub use foobar_core::config::__private::{Deserialize, serde};
pub use foobar_core::config::{Key, Section};

/// Declares settings of the program's own: a struct, with the type, the default and a description of each key.
///
/// A default is written as in TOML: a number, `true`, `"text"`, `["a", "b"]`. A key without one must be set, unless it
/// is an `Option`. A [`Secret`](crate::config::Secret) is never printed. The descriptions are shown by `config
/// --reference`.
///
/// ```
/// use foobar::config::{Period, Secret};
/// use foobar::{Server, Settings};
///
/// foobar::settings! {
///     /// What the guestbook is told.
///     pub struct Guestbook {
///         /// How many entries a page has.
///         pub per_page: u32 = 20,
///         /// How long an entry can be changed.
///         pub editable: Period = "15m",
///         /// The password of the moderators; without it nobody moderates.
///         pub password: Option<Secret>,
///     }
/// }
///
/// async fn entries(guestbook: Settings<Guestbook>) -> String {
///     format!("{} on each page", guestbook.per_page)
/// }
///
/// let server = Server::new().settings::<Guestbook>("guestbook");
/// ```
///
/// To accept only some values of a type, give the key a type of your own with serde's `try_from`: its error stops the
/// start, with the file, the line and the key.
///
/// ```
/// /// How many entries a page has: 1 to 100.
/// #[derive(Clone, Copy, Debug, serde::Deserialize)]
/// #[serde(try_from = "u32")]
/// pub struct PageSize(u32);
///
/// impl TryFrom<u32> for PageSize {
///     type Error = &'static str;
///
///     fn try_from(size: u32) -> Result<Self, Self::Error> {
///         if (1..=100).contains(&size) { Ok(Self(size)) } else { Err("a page has 1 to 100 entries") }
///     }
/// }
///
/// foobar::settings! {
///     /// What the guestbook is told.
///     pub struct Guestbook {
///         /// How many entries a page has.
///         pub per_page: PageSize = 20,
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = foobar::Server::new().app(foobar::routes(|_| ())).settings::<Guestbook>("guestbook");
/// let error = server.set("guestbook.per_page", "0").start().await.err().expect("it is refused");
/// assert!(error.to_string().ends_with("is not accepted: a page has 1 to 100 entries"), "{error}");
/// # }
/// ```
///
/// Nested tables, lists and maps are types with `#[derive(serde::Deserialize)]`, and so may the whole be; see
/// [`Section`](crate::Section).
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])* $field_vis:vis $field:ident: $kind:ty $(= $default:expr)? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, $crate::section::Deserialize)]
        #[serde(crate = "foobar::section::serde")]
        $vis struct $name {
            $( $(#[doc = $doc])* $field_vis $field: $kind, )*
        }

        impl $crate::section::Section for $name {
            const KEYS: &'static [$crate::section::Key] = &[$(
                $crate::section::Key {
                    name: ::std::borrow::Cow::Borrowed(::std::stringify!($field)),
                    kind: ::std::stringify!($kind),
                    default: $crate::settings!(@default $($default)?),
                    doc: &[$($doc),*],
                },
            )*];
        }
    };
    (@default $default:expr) => { ::std::option::Option::Some(::std::stringify!($default)) };
    (@default) => { ::std::option::Option::None };
}

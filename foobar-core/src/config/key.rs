use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// One configuration key, as declared with [`settings!`](crate::settings).
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name in its section, such as `listen`. In a program's own section it may be that of a table's key,
    /// `smtp.host`, and `*` stands for a name that the user chooses.
    pub name: Cow<'static, str>,
    /// The Rust type of the value, as written in the declaration.
    pub kind: &'static str,
    /// The default as a TOML value; `None` if the key may be absent.
    pub default: Option<&'static str>,
    /// The documentation, line by line.
    pub doc: &'static [&'static str],
}

/// What a section of the configuration is read into.
///
/// A program declares its own with `foobar::settings!`. A type that only serde knows becomes one by `impl
/// foobar::Section for T {}`: its keys, and which of them are secret, are found by serde; the defaults are serde's too
/// (`#[serde(default)]`), and the reference has no word about them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a section of the configuration",
    label = "not a `Section`",
    note = "declare it with `foobar::settings! {{ struct Guestbook {{ .. }} }}`, with the defaults and descriptions of its keys",
    note = "a type with `#[derive(serde::Deserialize)]` becomes one by `impl foobar::Section for {Self} {{}}`"
)]
pub trait Section: DeserializeOwned {
    /// What is declared of its keys, in the order of declaration.
    const KEYS: &'static [Key] = &[];
}

/// A section of Foobar's own, declared with [`settings!`](crate::settings).
pub trait Settings: Section {
    /// The section's name, such as `web`; `*` stands for a name that the user chooses: `sites.*`.
    const SECTION: &'static str;
}

impl Key {
    /// Whether the value must not be shown.
    pub fn is_secret(&self) -> bool {
        self.kind.contains("Secret")
    }
}

/// Declares a section of the configuration: its struct, its keys, their defaults and their documentation.
///
/// A default is a TOML value in a string and goes through the same parser as the user's; a key without one is an
/// `Option`. What follows a `;` are tables of further sections, each declared on its own. Sections are Foobar's own: a
/// program declares its with `foobar::settings!`.
///
/// ```
/// # use foobar_core::{Period, config::settings};
/// settings! {
///     /// `[cache]`: what is kept in memory.
///     pub struct CacheSettings in "cache" {
///         /// How long an entry lives.
///         pub lifetime: Period = r#""60s""#,
///         /// Where entries survive a restart; nowhere if absent.
///         pub folder: Option<std::path::PathBuf>,
///     }
/// }
/// assert_eq!(CacheSettings::default().lifetime.as_secs(), 60);
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $section:literal {
            $( $(#[doc = $doc:literal])+ pub $field:ident: $kind:ty $(= $default:expr)?, )*
            $(; $( $(#[doc = $table_doc:literal])+ pub $table:ident: $table_kind:ty, )+ )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, $crate::config::__private::Deserialize)]
        #[serde(crate = "foobar_core::config::__private::serde")]
        #[non_exhaustive]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $kind, )*
            $($( $(#[doc = $table_doc])+ #[serde(default)] pub $table: $table_kind, )+)?
        }

        impl $crate::config::Settings for $name {
            const SECTION: &'static str = $section;
        }

        impl $crate::config::Section for $name {
            const KEYS: &'static [$crate::config::Key] = &[$(
                $crate::config::Key {
                    name: std::borrow::Cow::Borrowed(stringify!($field)),
                    kind: stringify!($kind),
                    default: $crate::settings!(@default $($default)?),
                    doc: &[$($doc),+],
                },
            )*];
        }

        impl Default for $name {
            fn default() -> Self {
                $crate::config::__private::defaults()
            }
        }
    };
    (@default $default:expr) => { Some($default) };
    (@default) => { None };
}

/// Declares a setting that is one of a few words.
///
/// Each variant has a doc comment and its word; any other word is an error that lists them.
///
/// ```
/// # use foobar_core::choice;
/// choice! {
///     /// What happens to an entry that nobody asks for.
///     pub enum Eviction {
///         /// It stays.
///         Never = "never",
///         /// It goes when room is needed.
///         WhenFull = "when_full",
///     }
/// }
/// assert_eq!(Eviction::try_from("never".to_owned()), Ok(Eviction::Never));
/// assert_eq!(Eviction::try_from("nevr".to_owned()), Err("write \"never\" or \"when_full\"".to_owned()));
/// ```
#[macro_export]
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$doc:meta])+ $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, $crate::config::__private::Deserialize)]
        #[serde(crate = "foobar_core::config::__private::serde", try_from = "foobar_core::config::__private::Word")]
        pub enum $name {
            $( $(#[$doc])+ $variant, )+
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(word: String) -> Result<Self, String> {
                match word.as_str() {
                    $( $word => Ok(Self::$variant), )+
                    _ => Err($crate::config::__private::what_to_write(&[$( $word ),+])),
                }
            }
        }

        impl TryFrom<$crate::config::__private::Word> for $name {
            type Error = String;

            fn try_from(word: $crate::config::__private::Word) -> Result<Self, String> {
                word.into_text().try_into()
            }
        }
    };
}

/// What is accepted where one of these words is.
pub fn what_to_write(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match &quoted[..] {
        [first @ .., last] if !first.is_empty() => format!("write {} or {last}", first.join(", ")),
        _ => format!("write {}", quoted.concat()),
    }
}

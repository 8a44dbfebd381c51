use serde::de::DeserializeOwned;

/// One configuration key, as declared with [`settings!`](crate::settings).
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The full name, such as `web.listen`; `*` stands for a name that the user chooses: `sites.*.root`.
    pub name: &'static str,
    /// The Rust type of the value, as written in the declaration.
    pub kind: &'static str,
    /// The default as a TOML value; `None` if the key may be absent.
    pub default: Option<&'static str>,
    /// The documentation, line by line.
    pub doc: &'static [&'static str],
}

/// A struct of settings that was declared with [`settings!`](crate::settings).
pub trait Settings: DeserializeOwned {
    /// The section's name, such as `web`.
    const SECTION: &'static str;
    /// Its keys, in the order of declaration.
    const KEYS: &'static [Key];
}

impl Key {
    /// Whether the value must not be shown.
    pub fn is_secret(&self) -> bool {
        self.kind.contains("Secret")
    }

    /// Whether `key` is this one; `*` matches any one segment.
    pub fn matches(&self, key: &str) -> bool {
        let mut segments = super::tree::segments(key);
        self.name.split('.').all(|known| segments.next().is_some_and(|given| known == "*" || known == given))
            && segments.next().is_none()
    }
}

/// Declares a section of the configuration: its struct, its keys, their defaults and their documentation.
///
/// A default is a TOML value in a string and goes through the same parser as the user's; a key without one is an
/// `Option`. What follows a `;` are tables of further sections, each declared on its own.
///
/// ```
/// use foobar_core::{Period, config::settings};
///
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
            const KEYS: &'static [$crate::config::Key] = &[$(
                $crate::config::Key {
                    name: concat!($section, ".", stringify!($field)),
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
/// foobar_core::choice! {
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
        #[serde(crate = "foobar_core::config::__private::serde", try_from = "String")]
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

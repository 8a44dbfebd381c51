//! The names that a package may have.

use super::package;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    #[error("`{0}` is a path: write a name alone, in the folder in which the package is to be")]
    Path(String),
    #[error(
        "`{0}` is no name of a package: write small letters (a-z), digits, and single `-` or `_` between them, with a letter first, such as my-site"
    )]
    Form(String),
    #[error("the name is longer than {LONGEST} letters")]
    TooLong,
    #[error("`{0}` is a word of the language Rust; choose another name, such as {0}-site")]
    Keyword(String),
    #[error("`{0}` is the name of something that every Rust program has; choose another name, such as {0}-site")]
    Reserved(String),
    #[error("`{0}` is a package that the new one depends on; choose another name, such as my-{0}")]
    Dependency(String),
}

/// As a registry would.
const LONGEST: usize = 64;

pub(super) fn check(name: &str) -> Result<(), NameError> {
    let refuse = |why: fn(String) -> NameError| Err(why(name.to_owned()));
    let same = |other: &str| other.replace('-', "_") == name.replace('-', "_"); // as rustc writes the name of the crate
    match () {
        () if name.contains(['/', '\\']) || name == "." || name == ".." => refuse(NameError::Path),
        () if !is_well_formed(name) => refuse(NameError::Form),
        () if name.len() > LONGEST => Err(NameError::TooLong),
        () if KEYWORDS.contains(&name) => refuse(NameError::Keyword),
        () if RESERVED.iter().any(|other| same(other)) => refuse(NameError::Reserved),
        () if OURS.into_iter().chain(package::dependencies()).any(same) => refuse(NameError::Dependency),
        () => Ok(()),
    }
}

/// Also what rustc accepts with a warning, such as capitals, is refused: the package would not pass its own checks.
fn is_well_formed(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split(['-', '_']).all(is_word)
}

/// What a dependency on `foobar` brings under its own version.
const OURS: [&str; 5] = ["foobar-core", "foobar-db", "foobar-macros", "foobar-app", "foobar-web"];

/// Crates that are always there, and the names that cargo keeps for folders of its own.
const RESERVED: [&str; 9] = ["std", "core", "alloc", "proc-macro", "test", "build", "deps", "examples", "incremental"];

/// Of edition 2024, those reserved for later too; only small ones have the form of a name.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_small_letters_digits_and_single_hyphens() {
        for name in ["blog", "my-site", "my_site", "b2b", "a", "site-2", "a-b_c", &"a".repeat(64)] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_crate_is_refused() {
        let no_form: fn(String) -> NameError = NameError::Form;
        for name in [
            "", " ", "7up", "-site", "_site", "site-", "site_", "a--b", "a_-b", "Site", "mySite", "größe", "сайт",
            "a b", "a.b", "a!", "a\0b", "a\nb", "$(id)", "🦀", "~",
        ] {
            assert_eq!(check(name), Err(no_form(name.to_owned())), "{name:?}");
        }
        for name in ["a/b", "/site", "../site", ".", "..", "site/", "a\\b"] {
            assert_eq!(check(name), Err(NameError::Path(name.to_owned())), "{name:?}");
        }
        assert_eq!(check(&"a".repeat(65)), Err(NameError::TooLong));
    }

    #[test]
    fn our_packages_are_the_members_of_the_workspace() {
        let manifest: toml::Table = include_str!("../../../../Cargo.toml").parse().unwrap();
        let members =
            manifest["workspace"]["members"].as_array().unwrap().iter().map(|member| member.as_str().unwrap());
        let ours: Vec<&str> = members.filter(|member| member.starts_with("foobar")).collect();
        assert_eq!(ours, OURS);
        for name in OURS {
            assert_eq!(check(name), Err(NameError::Dependency(name.to_owned())));
        }
    }

    #[test]
    fn a_name_that_means_something_already_is_refused() {
        for name in ["fn", "self", "async", "gen", "try", "crate"] {
            assert_eq!(check(name), Err(NameError::Keyword(name.to_owned())));
        }
        for name in ["std", "core", "alloc", "test", "proc-macro", "proc_macro", "build", "deps"] {
            assert_eq!(check(name), Err(NameError::Reserved(name.to_owned())));
        }
        for name in [
            "foobar",
            "foobar-core",
            "foobar_web",
            "askama",
            "axum",
            "diesel",
            "serde",
            "serde-json",
            "tokio",
            "tracing",
        ] {
            assert_eq!(check(name), Err(NameError::Dependency(name.to_owned())));
        }
    }
}

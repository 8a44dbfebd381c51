//! Where the new package gets Foobar from.

use std::io;
use std::path::{Path, PathBuf};

/// As it stands in `Cargo.toml`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dependency {
    /// Its sources on this machine: an absolute path.
    Path(String),
    /// A repository.
    Git(String),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum DependencyError {
    #[error("--foobar: {} cannot be read; give the folder of Foobar's sources, or the URL of a Git repository", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("--foobar: {} is not the folder of Foobar's sources, which has its Cargo.toml and foobar-core/", .0.display())]
    NotFoobar(PathBuf),
    #[error("--foobar: the path {:?} is not UTF-8, as Cargo.toml must be", .0)]
    NotText(PathBuf),
    #[error("--foobar: the path {0:?} holds a control character, with which no file could name it; rename the folder")]
    ControlCharacter(String),
    #[error("--foobar: `{0}` is no URL that cargo takes; write https://HOST/PATH, ssh://git@HOST/PATH or file:///PATH")]
    Url(String),
    #[error("--foobar: cargo does not take `git@HOST:PATH`; write {0}")]
    Scp(String),
    #[error(
        "--foobar: the URL holds a user, a password or a query, which would stand in Cargo.toml; give them to Git (`git help credentials`)"
    )]
    Secret,
    #[error(
        "say where Foobar comes from, --foobar PATH or --foobar GIT-URL: the sources that this program was built from are not here"
    )]
    NotHere,
}

impl Dependency {
    /// What the command line gives: a path, or a URL, which has `://` in it.
    pub(super) fn given(text: &str) -> Result<Self, DependencyError> {
        match text.split_once("://") {
            Some((scheme, rest)) => of_url(text, scheme, rest),
            None if has_password(text) && !Path::new(text).exists() => Err(DependencyError::Secret),
            None => match scp(text) {
                Some(url) => Err(DependencyError::Scp(url)),
                None => of_path(Path::new(text)),
            },
        }
    }

    /// The sources that this program was built from, where they are still there to stay.
    pub(super) fn of_this_program() -> Result<Self, DependencyError> {
        let sources = env!("CARGO_MANIFEST_DIR");
        let is_cache = ["/git/checkouts/", "/registry/src/"].iter().any(|part| sources.contains(part)); // cargo's own
        if is_cache {
            Err(DependencyError::NotHere)
        } else {
            of_path(Path::new(sources)).map_err(|error| match error {
                DependencyError::ControlCharacter(_) => error,
                _ => DependencyError::NotHere,
            })
        }
    }
}

fn of_path(path: &Path) -> Result<Dependency, DependencyError> {
    let unreadable = |source| DependencyError::Unreadable { path: path.to_owned(), source };
    let folder = path.canonicalize().map_err(unreadable)?;
    let manifest = match std::fs::read_to_string(folder.join("Cargo.toml")) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => String::new(),
        read => read.map_err(unreadable)?,
    };
    if !is_of_foobar(&manifest) || !folder.join("foobar-core/Cargo.toml").is_file() {
        return Err(DependencyError::NotFoobar(path.to_owned()));
    }
    match folder.into_os_string().into_string() {
        Ok(path) if path.contains(char::is_control) => Err(DependencyError::ControlCharacter(path)),
        Ok(path) => Ok(Dependency::Path(path)),
        Err(path) => Err(DependencyError::NotText(path.into())),
    }
}

/// Whether a manifest is of a package with the name `foobar`.
fn is_of_foobar(manifest: &str) -> bool {
    let of_package = manifest.lines().map(str::trim).skip_while(|line| *line != "[package]").skip(1);
    let mut keys = of_package.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    keys.any(|(key, value)| key.trim() == "name" && value.trim() == "\"foobar\"")
}

fn of_url(url: &str, scheme: &str, rest: &str) -> Result<Dependency, DependencyError> {
    let (host, path) = rest.split_once('/').unwrap_or((rest, "")); // a host without a path is refused
    let is_plain = url.chars().all(|letter| letter.is_ascii_graphic() && !"\"'\\`".contains(letter));
    let is_known = ["https", "http", "ssh", "git"].contains(&scheme) && !host.is_empty() || scheme == "file";
    match () {
        () if may_hold_secret(url, scheme, rest) => Err(DependencyError::Secret),
        () if is_plain && is_known && !path.is_empty() => Ok(Dependency::Git(url.to_owned())),
        () => Err(DependencyError::Url(url.to_owned())),
    }
}

/// Whatever the form of the URL, which may be wrong: it is shown then. The user of https may be a token, that of ssh is a name.
fn may_hold_secret(url: &str, scheme: &str, rest: &str) -> bool {
    match scheme {
        "file" if rest.starts_with('/') => false,
        "ssh" => has_password(rest),
        _ => url.contains(['@', '?']),
    }
}

/// Also one with a `/` in it, where the host would seem to end.
fn has_password(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// `ssh://git@host/path` of `git@host:path`.
fn scp(text: &str) -> Option<String> {
    let (host, path) = text.split_once(':')?;
    let is_host = host.contains('@') && !host.contains('/');
    is_host.then(|| format!("ssh://{host}/{}", path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_repository() {
        for url in [
            "https://example.com/foobar",
            "http://localhost:3000/foobar.git",
            "ssh://git@example.com/~me/foobar",
            "git://example.com/foobar",
            "file:///srv/git/foobar",
            "ssh://git@example.com:2222/me/foobar",
            "file:///home/me@example.com/foobar",
        ] {
            assert_eq!(Dependency::given(url).unwrap(), Dependency::Git(url.to_owned()));
        }
    }

    #[test]
    fn what_cargo_would_not_take_is_refused() {
        for url in [
            "ftp://example.com/foobar",
            "https://",
            "https:///foobar",
            "https://example.com",
            "://x",
            "file://",
            "https://example.com/a b",
            "https://example.com/\"x",
        ] {
            assert!(matches!(Dependency::given(url), Err(DependencyError::Url(_))), "{url}");
        }
        let scp = Dependency::given("git@example.com:me/foobar.git").unwrap_err().to_string();
        assert!(scp.ends_with("write ssh://git@example.com/me/foobar.git"), "{scp}");
    }

    #[test]
    fn a_url_that_may_hold_a_secret_is_neither_taken_nor_shown() {
        for url in [
            "https://me:hunter2@example.com/foobar",
            "https://me:hun/hunter2@example.com/foobar",
            "https://hunter2@example.com/foobar",
            "https://example.com/foobar?token=hunter2",
            "git://hunter2@example.com/foobar",
            "file://me:hunter2@example.com/foobar",
            "me:hunter2@https://example.com/foobar",
            "ssh://git:hun/hunter2@example.com/foobar",
            "git:hunter2@example.com:me/foobar",
            "https:/hunter2@example.com/foobar",
        ] {
            let error = Dependency::given(url).unwrap_err();
            assert!(matches!(error, DependencyError::Secret), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn a_folder_that_is_no_foobar_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let given = || Dependency::given(place.path().to_str().unwrap());
        assert!(matches!(given(), Err(DependencyError::NotFoobar(_))));
        let manifest = place.path().join("Cargo.toml");
        std::fs::write(&manifest, "[dependencies]\nname = \"foobar\"\n[package]\nname = \"other\"\n").unwrap();
        std::fs::create_dir(place.path().join("foobar-core")).unwrap();
        std::fs::write(place.path().join("foobar-core/Cargo.toml"), "").unwrap();
        assert!(matches!(given(), Err(DependencyError::NotFoobar(_))));
        assert!(matches!(Dependency::given(manifest.to_str().unwrap()), Err(DependencyError::NotFoobar(_))));
        assert!(matches!(Dependency::given("/nowhere/foobar"), Err(DependencyError::Unreadable { .. })));
        assert!(matches!(Dependency::given(""), Err(DependencyError::Unreadable { .. })));
    }

    #[test]
    fn the_sources_of_this_program_are_foobars() {
        let here = Dependency::Path(
            Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap().to_str().unwrap().to_owned(),
        );
        assert_eq!(Dependency::of_this_program().unwrap(), here);
        assert_eq!(Dependency::given(env!("CARGO_MANIFEST_DIR")).unwrap(), here);
    }
}

//! Whether the package can be built here.

use std::process::Command;

/// The oldest version of Rust that builds it.
pub(super) const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

#[derive(Debug, thiserror::Error)]
#[error(
    "no `cargo` that runs is in PATH, which builds the package: install Rust {RUST_VERSION} or newer, see https://rustup.rs; nothing was made"
)]
pub(super) struct NoCargo;

/// What else is missing, and what to do about it.
pub(super) fn check() -> Result<Vec<String>, NoCargo> {
    let version = version("cargo").ok_or(NoCargo)?;
    let old = is_older(&version, RUST_VERSION)
        .then(|| format!("this is Rust {version}, and the package needs {RUST_VERSION} or newer: `rustup update`"));
    let no_compiler = (!starts("cc")).then(|| {
        "there is no `cc` in PATH, a C compiler, which the package needs to be built: install gcc or clang".to_owned()
    });
    Ok(old.into_iter().chain(no_compiler).collect())
}

fn starts(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// `1.95.0` of `cargo 1.95.0 (f2d3ce0bd 2026-03-21)`; `None` where it cannot be run.
fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?; // it is not there
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(|| text.split_whitespace().nth(1).unwrap_or_default().to_owned()) // unknown: not older
}

fn is_older(version: &str, needed: &str) -> bool {
    let parts = |text: &str| text.split(['.', '-']).map_while(|part| part.parse().ok()).collect::<Vec<u32>>(); // `nightly`
    let version = parts(version);
    !version.is_empty() && version < parts(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, is) in
            [("1.88.0", true), ("1.9.0", true), ("1.89.0", false), ("1.100.1-nightly", false), ("", false)]
        {
            assert_eq!(is_older(version, "1.89"), is, "{version}");
        }
    }
}

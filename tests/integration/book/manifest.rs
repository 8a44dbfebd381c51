//! The manifests that pages show: they parse, and name versions that are tested here.

use toml::{Table, Value};

pub(super) fn fault(text: &str) -> Option<String> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return Some(format!("no manifest: {error}")),
    };
    let tables = ["dependencies", "dev-dependencies"].iter().filter_map(|name| manifest.get(*name)?.as_table());
    tables.flatten().find_map(|(name, how)| of_dependency(name, how))
}

fn of_dependency(name: &str, how: &Value) -> Option<String> {
    if name == "foobar" {
        return None;
    }
    let version = how.as_str().or_else(|| how.get("version")?.as_str());
    let tested = |version: &str| locked(name).any(|locked| format!("{locked}.").starts_with(&format!("{version}.")));
    match version {
        Some(version) if tested(version) => None,
        _ => Some(format!("{name} {version:?} is not tested: Cargo.lock has {:?}", locked(name).collect::<Vec<_>>())),
    }
}

/// The versions of a package that the tests of this package have.
pub(super) fn locked(name: &str) -> impl Iterator<Item = String> + '_ {
    let lock: Table = include_str!("../../../Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap().clone();
    packages
        .into_iter()
        .filter(move |package| package["name"].as_str() == Some(name))
        .map(|package| package["version"].as_str().unwrap().to_owned())
}

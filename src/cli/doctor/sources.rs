//! Where the configuration comes from: which keys are set by what, and never their values.

use std::path::Path;

use foobar_core::config::Config;

use super::report::{Report, Topic};

pub(super) fn examine(report: &mut Report, config: &Config) {
    let topic = Topic::Configuration;
    match config.file() {
        Some(file) => report.ok(topic, format_args!("{} sets {}", file.display(), list(&of_file(config, &file)))),
        None => report.ok(topic, format_args!("no file: there is no {} here", config.file_name())),
    }
    for (origin, keys) in others(config) {
        report.ok(topic, format_args!("{origin} sets {}", list(&keys)));
    }
}

fn of_file(config: &Config, file: &Path) -> Vec<String> {
    let place = format!("{}:", file.display());
    let entries = config.entries().into_iter().filter(|entry| entry.origin.starts_with(&place));
    entries.map(|entry| entry.key).collect()
}

/// Each variable and each option with what it sets. What the program gives is its own affair, and in `config`.
fn others(config: &Config) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    let is_given = |origin: &str| origin.starts_with("--") || origin.starts_with(&config.prefix());
    for entry in config.entries().into_iter().filter(|entry| is_given(&entry.origin)) {
        match all.iter_mut().find(|(origin, _)| *origin == entry.origin) {
            Some((_, keys)) => keys.push(entry.key),
            None => all.push((entry.origin, vec![entry.key])),
        }
    }
    all
}

fn list(keys: &[String]) -> String {
    if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") }
}

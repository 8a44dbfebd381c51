//! Logs that logrotate moves away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::guide::blocks;
use crate::support::{Program, until};

#[test]
fn logrotate_moves_a_log_away_by_the_rules_of_the_guide_and_a_new_one_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let has = |name: &str, words: &str| fs::read_to_string(path(name)).is_ok_and(|text| text.contains(words));
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__WEB__ACCESS_LOG", "access.log"));
    program.get("/first");
    until("it is logged", || has("access.log", "/first").then_some(()));

    let test = "logrotate_moves_a_log_away_by_the_rules_of_the_guide_and_a_new_one_is_begun";
    let rules = blocks("logs.md", test).concat().replace("/var/log/shop", &folder.path().display().to_string());
    fs::write(path("rules"), rules).unwrap();
    fs::set_permissions(path("rules"), fs::Permissions::from_mode(0o600)).unwrap(); // it heeds no others
    let mut logrotate = Command::new("/usr/sbin/logrotate");
    logrotate.arg("--force").arg("--state").arg(path("state")).arg(path("rules"));
    let output = logrotate.output().expect("logrotate is installed (tests/run does it on Debian)");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");

    assert!(has("access.log.1", "/first"), "it is not compressed yet");
    until("the new one has a line", || {
        program.get("/second");
        has("access.log", "/second").then_some(())
    });
}

use std::process::{Command, Output};

use super::Program;

/// Runs a script on a file system in memory of 64 KiB that it alone sees, with the binary `foobar` as `$0`. Fails where
/// nothing can be mounted: a test that is not tried is not passed.
pub(crate) fn on_a_small_disk(script: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    on_a_small_disk_as(&Program::foobar(folder.path()), script)
}

/// The same with the program and the environment of this command.
pub(crate) fn on_a_small_disk_as(program: &Command, script: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let run = |way: &[&str], script: &str| {
        let script = format!("mount -t tmpfs -o size=64k foobar-new . && cd \"$PWD\" && {script}");
        let mut command = Command::new("timeout"); // whatever hangs, all that the script has started is ended
        command
            .args(["--kill-after=5", "120", "unshare"])
            .args(way)
            .args(["sh", "-c", &script])
            .arg(program.get_program())
            .current_dir(folder.path());
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?)))).output()
    };
    let ways = [&["--mount"][..], &["--map-root-user", "--mount"]];
    let way = ways.iter().find(|way| run(way, "true").is_ok_and(|output| output.status.success()));
    run(way.expect("root may mount, or `unshare --map-root-user` lets others do so"), script).unwrap()
}

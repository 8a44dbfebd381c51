use std::process::{Command, Output};

use super::Program;

/// Runs a script on a file system in memory of 64 KiB that it alone sees, with the binary `foobar` as `$0`. Fails where
/// nothing can be mounted: a test that is not tried is not passed.
pub(crate) fn on_a_small_disk(script: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::foobar(folder.path()).get_program().to_owned();
    let run = |way: &[&str], script: &str| {
        let script = format!("mount -t tmpfs -o size=64k foobar-new . && cd \"$PWD\" && {script}");
        let mut command = Command::new("unshare");
        command.args(way).args(["sh", "-c", &script]).arg(&program).current_dir(folder.path()).output()
    };
    let ways = [&["--mount"][..], &["--map-root-user", "--mount"]];
    let way = ways.iter().find(|way| run(way, "true").is_ok_and(|output| output.status.success()));
    run(way.expect("root may mount, or `unshare --map-root-user` lets others do so"), script).unwrap()
}

//! Mounts in a folder that is served, made and taken away while the server runs: it has a name space of its own, which the
//! system gives to root, and to others with `--map-root-user`. Where it refuses that, the tests are not tried and say so.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::{Answer, Program, until};

/// How a name space is made, and how one is entered.
const WAYS: [(&[&str], &[&str]); 2] =
    [(&["--mount"], &["--mount"]), (&["--map-root-user", "--mount"], &["--user", "--preserve-credentials", "--mount"])];

/// A server of `root` beside the folders `a` and `b`; in each are `f`, `same` and `d/f`, which say where they lie.
struct Site {
    place: tempfile::TempDir,
    program: Program,
    enter: &'static [&'static str],
}

impl Site {
    /// Does this before it starts. `None` where the system lets nobody mount.
    fn start(file_cache_valid: &str, before: &str) -> Option<Self> {
        let Some((make, enter)) = WAYS.into_iter().find(|(make, enter)| is_allowed(make, enter)) else {
            println!("not tried: this system does not let its user mount");
            return None;
        };
        let place = tempfile::tempdir().unwrap();
        for folder in ["root", "a", "b"] {
            fs::create_dir_all(place.path().join(folder).join("d")).unwrap();
            for file in ["f", "d/f"] {
                fs::write(place.path().join(folder).join(file), format!("of {folder}")).unwrap();
            }
        }
        let settings = format!("[web]\nfile_cache_valid = {file_cache_valid:?}\n[sites.a]\nroot = \"root\"\n");
        fs::write(place.path().join("foobar.toml"), settings).unwrap();
        let foobar = Program::foobar(place.path());
        let mut command = Command::new("unshare");
        command.args(make).args(["sh", "-ec", &format!("{before}\nexec \"$0\" \"$@\"")]).arg(foobar.get_program());
        command.args(foobar.get_args()).current_dir(place.path());
        for (name, value) in foobar.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let program = Program::start(&mut command);
        Some(Self { place, program, enter })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Whether a program succeeds where the server sees files.
    fn run(&self, program: &str, arguments: &[&str], path: &str) -> bool {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.program.id().to_string()]).args(self.enter);
        command.arg(program).args(arguments).arg(self.path(path)).status().unwrap().success()
    }

    fn mount(&self, what: &str, on: &str) {
        assert!(self.run("mount", &["--bind", &self.path(what).display().to_string()], on), "{what} on {on}");
    }

    /// Takes the last mount from a path, once the server has no file of it open.
    fn unmount(&self, path: &str) {
        until("it is unmounted", || self.run("umount", &["--quiet"], path).then_some(()));
    }

    fn until(&self, target: &str, content: &str) -> Answer {
        until(&format!("{target} is {content:?}"), || {
            let answer = self.program.get(target);
            (answer.status == 200 && answer.body == content.as_bytes()).then_some(answer)
        })
    }

    fn body(&self, target: &str) -> String {
        String::from_utf8(self.program.get(target).body).unwrap()
    }
}

/// Whether one may mount in such a name space, and enter it. Anything but a refusal is a mistake of the test.
fn is_allowed(make: &[&str], enter: &[&str]) -> bool {
    let waits = "mount --bind . . && echo mounted && read -r line";
    let mut made = Command::new("unshare");
    made.args(make).args(["sh", "-c", waits]).env("LC_ALL", "C").stdin(Stdio::piped());
    let mut made = made.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("util-linux has unshare");
    let mut line = String::new();
    BufReader::new(made.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut entered = Command::new("nsenter");
    entered.args(["--target", &made.id().to_string()]).args(enter).arg("true").env("LC_ALL", "C");
    let entered = (line == "mounted\n").then(|| entered.output().expect("util-linux has nsenter"));
    let made = made.wait_with_output().unwrap(); // whose input ends with that
    if entered.as_ref().is_some_and(|output| output.status.success()) {
        return true;
    }
    let told = String::from_utf8(entered.unwrap_or(made).stderr).unwrap().to_lowercase();
    assert!(["operation not permitted", "permission denied"].iter().any(|refusal| told.contains(refusal)), "{told}");
    false
}

#[test]
fn a_root_that_is_a_mount_point_is_served_and_its_changes_are_seen_at_once() {
    let Some(site) = Site::start("1h", "mount --bind a root") else { return };
    assert_eq!((site.body("/f"), site.body("/d/f")), ("of a".to_owned(), "of a".to_owned()));
    assert_eq!(site.program.get("/new").status, 404);
    fs::write(site.path("a/f"), "changed").unwrap();
    site.until("/f", "changed");
    fs::write(site.path("a/new"), "new").unwrap();
    site.until("/new", "new");
    fs::write(site.path("a/d/f"), "changed too").unwrap();
    site.until("/d/f", "changed too");
}

#[test]
fn a_mount_over_the_root_is_seen_after_file_cache_valid() {
    let Some(site) = Site::start("10ms", "") else { return };
    site.until("/f", "of root");
    site.mount("a", "root");
    site.until("/f", "of a");
    site.until("/d/f", "of a");
    fs::write(site.path("root/f"), "covered").unwrap();
    site.mount("b", "root");
    site.until("/f", "of b");
}

#[test]
fn a_file_that_is_served_is_covered_by_a_mount_and_uncovered_at_once() {
    let Some(site) = Site::start("1h", "") else { return };
    let under = site.until("/f", "of root");
    fs::write(site.path("a/f"), "of ROOT").unwrap();
    let time = fs::metadata(site.path("root/f")).unwrap().modified().unwrap();
    fs::File::options().write(true).open(site.path("a/f")).unwrap().set_modified(time).unwrap();
    site.mount("a/f", "root/f");
    let mounted = site.until("/f", "of ROOT");
    assert_ne!(under.header("etag"), mounted.header("etag"));
    site.unmount("root/f");
    assert_eq!(site.until("/f", "of root").header("etag"), under.header("etag"));
}

#[test]
fn of_two_mounts_on_one_path_the_last_is_served() {
    let Some(site) = Site::start("1h", "") else { return };
    for (path, target) in [("d", "/d/f"), ("f", "/f")] {
        let at = format!("root/{path}");
        site.until(target, "of root");
        site.mount(&format!("a/{path}"), &at);
        site.until(target, "of a");
        site.mount(&format!("b/{path}"), &at);
        site.until(target, "of b");
        fs::write(site.path("a").join(&target[1..]), "of a, covered").unwrap();
        assert_eq!(site.body(target), "of b");
        site.unmount(&at);
        site.until(target, "of a, covered");
        site.unmount(&at);
        site.until(target, "of root");
    }
}

#[test]
fn mounts_that_were_there_before_the_start_lie_one_over_the_other() {
    let Some(site) = Site::start("1h", "mount --bind a/d root/d; mount --bind b/d root/d; mount --bind a/f root/f")
    else {
        return;
    };
    assert_eq!((site.body("/d/f"), site.body("/f")), ("of b".to_owned(), "of a".to_owned()));
    fs::write(site.path("b/d/f"), "changed").unwrap();
    site.until("/d/f", "changed");
    site.unmount("root/d");
    site.until("/d/f", "of a");
    site.unmount("root/f");
    site.until("/f", "of root");
}

#[test]
fn file_systems_that_come_and_go_leave_nothing_behind() {
    let Some(site) = Site::start("1h", "") else { return };
    for _ in 0..10 {
        site.until("/d/f", "of root");
        assert!(site.run("mount", &["-t", "tmpfs", "foobar-new"], "root/d"));
        until("what is under it is covered", || (site.program.get("/d/f").status == 404).then_some(()));
        assert!(site.run("cp", &[&site.path("a/f").display().to_string()], "root/d/f"));
        site.until("/d/f", "of a");
        site.unmount("root/d");
    }
    site.until("/d/f", "of root");
}

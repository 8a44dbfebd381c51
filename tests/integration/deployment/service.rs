//! The commands of the guide for a service, from its installation to an upgrade, in a folder that stands for the system.
//! What systemd does with the unit is done by `systemctl.bash`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::guide::blocks;
use crate::support::{Client, Program, until};

/// Folders of a system that the guide names.
const FOLDERS: [&str; 4] = ["/usr/local/", "/etc/", "/var/", "/run/"];

/// A folder with what the guide names, and a package that has been built. What has been started is killed at the end.
struct System(tempfile::TempDir);

impl System {
    fn new() -> Self {
        let system = Self(tempfile::tempdir().unwrap());
        for folder in ["package/target/release", "usr/local/bin", "etc/systemd/system"] {
            fs::create_dir_all(system.path(folder)).unwrap();
        }
        let program = Program::example("proving", &system.path("package"));
        symlink(program.get_program(), system.path("package/target/release/shop")).unwrap();
        system.configure("package/foobar.toml", "version 1", "DENY");
        let unit = &blocks("deployment.md", "systemd_accepts_the_units_of_the_guide")[0];
        fs::write(system.path("package/shop.service"), system.here(unit)).unwrap();
        system
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same with the folders that stand for those of a system.
    fn here(&self, text: &str) -> String {
        let marked = FOLDERS.iter().fold(text.to_owned(), |text, folder| text.replace(folder, &format!("\0{folder}")));
        marked.replace('\0', &self.0.path().display().to_string())
    }

    fn configure(&self, file: &str, body: &str, frame_options: &str) {
        let web = "[web]\nlisten = ['127.0.0.1:0']\nworkers = 2\n[admin]\nlisten = '127.0.0.1:0'\n";
        let page = format!("[sites.main.routes.'/page']\nrespond = 200\nbody = '{body}'\n");
        fs::write(self.path(file), format!("{web}[app]\nframe_options = '{frame_options}'\n{page}")).unwrap();
    }

    /// Runs commands of the guide in the folder of the package; what they print.
    fn run(&self, commands: &str) -> String {
        let script = format!("exec 2>&1; set -e\n{FUNCTIONS}\n{}", self.here(commands));
        let path = format!("{}:{}", self.path("usr/local/bin").display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).current_dir(self.path("package")).stdin(Stdio::null());
        shell.env("PATH", path).env("ROOT", self.0.path()).env("SYSTEMCTL", SYSTEMCTL);
        let output = shell.output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{commands}: {told}");
        told
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.path("journal")).unwrap_or_default() // it begins with the first start
    }

    fn until_logged(&self, words: &str) -> String {
        let is_it = |line: &&str| line.ends_with('\n') && line.contains(words); // the last one may not be whole yet
        let find = || self.journal().split_inclusive('\n').find(is_it).map(|line| line.trim_end().to_owned());
        until(&format!("the journal has {words:?}"), find)
    }

    fn page(&self) -> String {
        let line = self.until_logged("listening on ");
        Client::connect(line.split_once("http://").unwrap().1.trim_end()).get("/page").text().to_owned()
    }

    /// What systemd is told by the new program of an upgrade.
    fn follow(&self, process: &str) {
        fs::write(self.path("pid"), process).unwrap();
        let pids = fs::read_to_string(self.path("pids")).unwrap();
        fs::write(self.path("pids"), format!("{pids}{process}\n")).unwrap();
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let pids = fs::read_to_string(self.path("pids")).unwrap_or_default(); // nothing was started
        let kill = |process| _ = Command::new("kill").args(["-KILL", process]).output(); // it may have ended
        pids.lines().for_each(kill);
    }
}

const SYSTEMCTL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/deployment/systemctl.bash");

/// What `systemd-run` gives a command has to be what the unit gives the program. The user is whoever tests.
const FUNCTIONS: &str = r#"
systemctl() { bash "$SYSTEMCTL" "$@"; }
systemd-run() {
    while [ "${1#-}" != "$1" ]; do
        case $1 in
        --quiet | --pipe | --wait | --collect) ;;
        -p) [ "$2" = User=shop ] || grep -qxF "$2" "$ROOT/etc/systemd/system/shop.service"; shift ;;
        *) echo "systemd-run does not know $1"; return 1 ;;
        esac
        shift
    done
    (cd "$ROOT/var/lib/shop" && CREDENTIALS_DIRECTORY=$ROOT/run/credentials/shop.service "$@")
}
"#;

#[test]
fn the_commands_of_the_guide_install_a_service_check_upgrade_and_reload_it() {
    let system = System::new();
    let test = "the_commands_of_the_guide_install_a_service_check_upgrade_and_reload_it";
    let [install, check, upgrade, reload, reloaded] = blocks("deployment.md", test).try_into().unwrap();
    system.run(&install);
    assert_eq!(system.page(), "version 1");
    let mode = fs::metadata(system.path("etc/shop/database-url")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let wanted = system.path("etc/systemd/system/multi-user.target.wants/shop.service");
    assert!(wanted.symlink_metadata().is_ok(), "it starts with the machine");

    system.configure("etc/shop/foobar.toml", "version 2", "DENY");
    let told = system.run(&check);
    assert!(told.contains("the configuration is good"), "{told}");
    let databases = fs::read_dir(system.path("var/lib/shop")).unwrap().map(|entry| entry.unwrap().file_name());
    let databases: Vec<_> = databases.filter(|name| name.to_string_lossy().ends_with(".db")).collect();
    assert_eq!(databases, ["shop.db"], "it is that of the unit");

    system.run(&upgrade);
    let line = system.until_logged("a new program serves");
    system.follow(line.split_once("process=").unwrap().1.split(' ').next().unwrap());
    assert_eq!(system.page(), "version 2");

    system.configure("etc/shop/foobar.toml", "version 3", "SAMEORIGIN");
    system.run(&reload);
    let line = system.until_logged("has been reloaded");
    assert!(line.ends_with(reloaded.trim_end()), "{line}");
    assert_eq!(system.page(), "version 3");
}

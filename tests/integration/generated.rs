//! The packages that `foobar new` makes: built, checked, tested and asked. It takes minutes, so `tests/run` asks for them:
//!
//!     cargo test --all-features --test integration generated:: -- --ignored
//!
//! They lie in `target/new`, and are built to `target` with the versions of Foobar's own lock file: what Foobar stands on
//! is there already.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use foobar::test::TestDb;

use crate::support::{Answer, Program};

/// A new package.
struct Package {
    name: &'static str,
    folder: PathBuf,
}

impl Package {
    /// Made with these options, on the sources of this program.
    fn new(name: &'static str, options: &[&str]) -> Self {
        Self::on(root().as_os_str(), name, options)
    }

    /// The same on a folder, or on the URL of a repository.
    fn on(foobar: &OsStr, name: &'static str, options: &[&str]) -> Self {
        let place = root().join("target/new").join(name); // alone in it: tests run side by side
        if place.exists() {
            fs::remove_dir_all(&place).unwrap();
        }
        fs::create_dir_all(&place).unwrap();
        for settings in ["rustfmt.toml", "clippy.toml"] {
            fs::write(place.join(settings), "").unwrap(); // else those of Foobar would be found above
        }
        let made = Program::foobar(&place).args(["new", name, "--foobar"]).arg(foobar).args(options).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let folder = place.join(name);
        fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        Self { name, folder }
    }

    /// Formatting, clippy and its own tests, those on MariaDB too.
    fn passes_its_checks(&self) {
        self.cargo(&["fmt", "--check"]);
        self.cargo(&["clippy", "--offline", "--all-targets", "--", "-D", "warnings"]);
        self.cargo(&["test", "--offline", "--", "--include-ignored"]);
        self.cargo(&["build", "--offline"]);
    }

    fn cargo(&self, arguments: &[&str]) {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(&self.folder).env("CARGO_TARGET_DIR", target());
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "cargo {arguments:?} in {}: {text}", self.folder.display());
    }

    /// Started in its folder as `cargo run` starts it, but on a free port.
    fn start(&self, change: impl FnOnce(&mut Command) -> &mut Command) -> Program {
        let mut command = Program::command(&target().join("debug").join(self.name), &self.folder);
        Program::start(change(&mut command))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where this program was built.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap(); // target/debug/deps/integration-…
    program.ancestors().nth(3).unwrap().to_owned()
}

/// A URL on MariaDB, with what keeps it there.
fn mariadb() -> TestDb {
    tokio::runtime::Runtime::new().unwrap().block_on(TestDb::mysql())
}

fn leave_message(program: &Program, kind: &str, body: &str) -> Answer {
    let fields = format!("Content-Type: {kind}\r\n");
    program.client().request("POST", "/messages", &fields, body.as_bytes())
}

/// Serves pages, and keeps a message.
fn pages_keep_a_message(program: &Program) {
    let page = program.get("/");
    assert!(page.status == 200 && page.text().contains("<h1>Hello!</h1>"), "{}", page.text());
    let kept = leave_message(program, "application/x-www-form-urlencoded", "author=Ada&body=On+paper");
    assert_eq!(kept.status, 303);
    assert!(program.get("/").text().contains("<h2>Ada</h2>"));
    assert_eq!(program.get("/robots.txt").status, 200);
}

#[test]
#[ignore = "builds a package, which takes a minute"]
fn pages_with_a_database() {
    let package = Package::new("new-pages", &[]);
    package.passes_its_checks();
    let program = package.start(|command| command);
    pages_keep_a_message(&program);
    assert!(package.folder.join("new-pages.db").is_file());
    let database = mariadb();
    pages_keep_a_message(&package.start(|command| command.env("FOOBAR__DATABASE__URL", database.url())));
    its_doctor_finds_no_problem(&package);
}

#[test]
#[ignore = "builds a package, which takes a minute"]
fn pages_by_axum_with_a_database() {
    let package = Package::new("new-axum", &["--axum"]);
    package.passes_its_checks();
    pages_keep_a_message(&package.start(|command| command));
    let database = mariadb();
    pages_keep_a_message(&package.start(|command| command.env("FOOBAR__DATABASE__URL", database.url())));
}

#[test]
#[ignore = "builds a package, which takes a minute"]
fn an_api_with_a_database() {
    let package = Package::new("new-api", &["--api"]);
    package.passes_its_checks();
    let database = mariadb();
    for url in [None, Some(database.url())] {
        let program = package.start(|command| command.envs(url.map(|url| ("FOOBAR__DATABASE__URL", url))));
        assert_eq!(leave_message(&program, "application/json", r#"{"author":"Ada","body":"Hi"}"#).status, 201);
        assert_eq!(program.get("/messages").text(), r#"[{"id":1,"author":"Ada","body":"Hi"}]"#);
    }
}

#[test]
#[ignore = "builds a package, which takes a minute"]
fn pages_without_a_database() {
    for (name, options) in [("new-plain", &["--no-database"][..]), ("new-axum-plain", &["--axum", "--no-database"])] {
        let package = Package::new(name, options);
        package.passes_its_checks();
        let page = package.start(|command| command).get("/?name=Ada");
        assert!(page.status == 200 && page.text().contains("<h1>Hello, Ada!</h1>"), "{}", page.text());
        assert!(!package.folder.join(format!("{name}.db")).exists());
    }
}

#[test]
#[ignore = "builds a package, which takes a minute"]
fn an_api_without_a_database() {
    let package = Package::new("new-api-plain", &["--no-database", "--api"]);
    package.passes_its_checks();
    assert_eq!(package.start(|command| command).get("/").text(), r#"{"hello":"World"}"#);
}

/// In a package of its own: the crates are no dependencies of Foobar's, and their feature of actix-web, encrypted cookies,
/// would be in all tests of the workspace. It is the only build of these, so it is no more than one program of tests.
#[test]
#[ignore = "builds a package, which takes minutes, and fetches crates"]
fn a_program_with_actix_session_and_actix_identity_has_accounts_too() {
    let package = Package::new("new-sessions", &["--no-database", "--api"]);
    fs::copy(root().join("tests/programs/actix_session.rs"), package.folder.join("src/main.rs")).unwrap();
    package.cargo(&["add", "--quiet", "actix-session@=0.11.0", "--features", "cookie-session"]);
    package.cargo(&["add", "--quiet", "actix-identity@=0.9.0"]);
    let path = root().to_str().unwrap();
    package.cargo(&["add", "--quiet", "foobar", "--path", path, "--features", "accounts"]);
    package.cargo(&["test"]);
}

fn its_doctor_finds_no_problem(package: &Package) {
    let mut doctor = Program::command(&target().join("debug").join(package.name), &package.folder);
    let output = doctor.arg("doctor").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains("foobar.toml sets sites.www.default"), "{told}");
}

/// A repository of Git with this program at its last commit, and what cargo has cloned of it: gone when it is dropped.
struct Repository {
    path: PathBuf,
    /// What cargo calls its clones, before a hash of the URL.
    name: String,
}

impl Repository {
    fn new() -> Self {
        let mut hasher = DefaultHasher::new();
        root().hash(&mut hasher); // the sources in another folder may be tested at the same time
        let name = format!("foobar-of-tests-{:016x}", hasher.finish());
        let repository = Self { path: root().join("target/new").join(format!("{name}.git")), name };
        repository.remove();
        let cloned =
            Command::new("git").args(["clone", "--quiet", "--bare"]).arg(root()).arg(&repository.path).status();
        assert!(cloned.unwrap().success(), "tests/run is run in a repository of Git");
        repository
    }

    fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// The clones lie in the home of cargo's that all builds here have. In another home each crate of a registry has another
    /// path, and cargo builds it again for that one, and once more for the next build.
    fn remove(&self) {
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cargo"));
        let folders = ["db", "checkouts"].map(|kind| home.join("git").join(kind));
        // Where cargo has not cloned anything yet, there is no folder.
        let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(Result::unwrap);
        let clones = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&self.name));
        let old = clones.map(|entry| entry.path()).chain([self.path.clone()]);
        old.filter(|path| path.exists()).for_each(|path| fs::remove_dir_all(path).unwrap());
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        self.remove();
    }
}

#[test]
#[ignore = "builds a package, which takes minutes"]
fn pages_on_foobar_from_a_git_repository() {
    let repository = Repository::new();
    let url = repository.url();
    let package = Package::on(url.as_ref(), "new-from-git", &["--no-database"]);
    let manifest = fs::read_to_string(package.folder.join("Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("foobar = {{ git = \"{url}\"")), "{manifest}");
    package.cargo(&["build"]);
    let page = package.start(|command| command).get("/");
    assert!(page.text().contains("<h1>Hello, World!</h1>"), "{}", page.text());
}

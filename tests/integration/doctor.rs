//! What `doctor` says of everything around a program, and that it leaves all as it is.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};

use foobar::diesel::connection::{Connection, SimpleConnection};
use foobar::diesel::sqlite::SqliteConnection;
use foobar::test::TestDb;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};

use crate::support::{Program, at_clock, on_a_small_disk, until};

/// What was printed: exit code and lines.
struct Told {
    code: i32,
    text: String,
}

impl Told {
    /// By a command that ends.
    fn by(command: &mut Command) -> Self {
        Self::of(command.output().unwrap())
    }

    fn of(output: Output) -> Self {
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { code: output.status.code().unwrap(), text: String::from_utf8(output.stdout).unwrap() }
    }

    /// Whether a line begins with the verdict and the topic and has the words.
    fn has(&self, verdict: &str, topic: &str, words: &str) -> bool {
        let begin = format!("{verdict:<8} {topic:<14} ");
        self.text.lines().any(|line| line.starts_with(&begin) && line.contains(words))
    }

    fn assert(&self, verdict: &str, topic: &str, words: &str) {
        assert!(self.has(verdict, topic, words), "no line `{verdict} {topic} … {words}` in\n{}", self.text);
        if verdict == "problem" {
            assert_eq!(self.code, 1, "{}", self.text);
        }
    }
}

/// `doctor` of the program `proving`, which has a migration.
fn proving(folder: &Path) -> Command {
    let mut command = Program::example("proving", folder);
    command.args(["doctor", "--database", "sqlite:here.db"]);
    command
}

fn foobar(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Program::foobar(folder);
    command.args(["doctor", "--root", "."]).args(arguments);
    command
}

fn query(folder: &Path, sql: &str) {
    let path = folder.join("here.db");
    SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(sql).unwrap();
}

#[test]
fn a_program_that_is_well_has_no_problem_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let log = [("FOOBAR__LOG__OUTPUT", "the.log"), ("FOOBAR__WEB__ACCESS_LOG", "access.log")];
    let told = Told::by(proving(folder.path()).envs(log));
    assert_eq!(told.code, 0, "{}", told.text);
    assert!(told.text.contains("\n0 problems, "), "{}", told.text);
    for (topic, words) in [
        ("versions", "Foobar 0."),
        ("versions", "rustc"),
        ("clock", "the date is 20"),
        ("configuration", "no file: there is no foobar.toml here"),
        ("configuration", "--database sets database.url"),
        ("configuration", "FOOBAR__LOG__OUTPUT sets log.output"),
        ("database", "sqlite:here.db is not there yet; a start makes it"),
        ("database", "a start runs 1 migration"),
        ("certificates", "none is configured"),
        ("permissions", "the log the.log can be written"),
        ("permissions", "the access log access.log can be written"),
        ("disk", "MiB are free where . is"),
    ] {
        told.assert("ok", topic, words);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it makes nothing");
}

#[test]
fn what_the_database_has_seen_is_told() {
    let folder = tempfile::tempdir().unwrap();
    query(folder.path(), "CREATE TABLE mine (id INTEGER)");
    let before = fs::read(folder.path().join("here.db")).unwrap();
    let told = Told::by(&mut proving(folder.path()));
    told.assert("ok", "database", "sqlite:here.db can be read and written, by SQLite 3.");
    told.assert("warning", "database", "pending: 2026-01-01-000000_create_ledger; a start runs them");
    let waiting = ("FOOBAR__DATABASE__MIGRATE_ON_START", "false");
    let told = Told::by(proving(folder.path()).envs([waiting]));
    let waits = "pending: 2026-01-01-000000_create_ledger; a start waits for them: run `migrate`";
    told.assert("warning", "database", waits);
    let check = ["check", "--database", "sqlite:here.db"];
    let check = Program::example("proving", folder.path()).args(check).envs([waiting]).output().unwrap();
    let listed = String::from_utf8(check.stdout).unwrap();
    assert!(listed.contains("create_ledger\na start waits for them: run `migrate`\n"), "{listed}");
    assert_eq!(fs::read(folder.path().join("here.db")).unwrap(), before);

    let migrate = Program::example("proving", folder.path()).args(["migrate", "--database", "sqlite:here.db"]).output();
    assert!(migrate.unwrap().status.success());
    Told::by(&mut proving(folder.path())).assert("ok", "database", "migrated: 1 migration");
    let began = "INSERT INTO __foobar_migrations (version, name, begun_on)
        VALUES ('20270202000000', '2027-02-02-000000_prices', '2027-02-02 12:00:00')";
    query(folder.path(), began);
    Told::by(&mut proving(folder.path())).assert(
        "problem",
        "database",
        "began and did not end: 2027-02-02-000000_prices, which this program does not have",
    );
    let status =
        Program::example("proving", folder.path()).args(["migrate", "status", "--database", "sqlite:here.db"]).output();
    let listed = String::from_utf8(status.unwrap().stdout).unwrap();
    assert!(listed.contains("begun    2027-02-02-000000_prices, which this program does not have"), "{listed}");
    query(folder.path(), "UPDATE __foobar_migrations SET checksum = 'another'");
    Told::by(&mut proving(folder.path())).assert(
        "problem",
        "database",
        "changed after it ran: 2026-01-01-000000_create_ledger; `migrate` says what to do",
    );
    query(folder.path(), "DROP TABLE __foobar_migrations");
    query(folder.path(), "INSERT INTO __diesel_schema_migrations (version) VALUES ('20270101000000')");
    Told::by(&mut proving(folder.path())).assert(
        "warning",
        "database",
        "it has seen 1 migration that this program does not",
    );
}

#[test]
fn a_database_that_cannot_be_used_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("here.db"), "this is no database, whatever its name says").unwrap();
    Told::by(&mut proving(folder.path())).assert("problem", "database", "here.db");
}

#[test]
fn what_is_wrong_is_told_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::by(&mut foobar(folder.path(), &["--database", "postgres://x"]));
    told.assert("problem", "database", "has no known scheme");
    assert!(told.text.contains("\n1 problem, "), "{}", told.text);
    let told = Told::by(&mut foobar(folder.path(), &["--access-log", "not-there/access.log"]));
    assert!(told.text.contains("\n1 problem, "), "{}", told.text);
}

#[test]
fn no_secret_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let held = held();
    let url = format!("mysql://me:hunter2@{}/shop", held.local_addr().unwrap());
    let told = Told::by(foobar(folder.path(), &[]).env("FOOBAR__DATABASE__URL", url));
    told.assert("ok", "configuration", "FOOBAR__DATABASE__URL sets database.url");
    told.assert("problem", "database", "mysql://me@127.0.0.1");
    assert!(!told.text.contains("hunter2"), "{}", told.text);
}

#[test]
fn a_configuration_that_is_wrong_is_a_problem_among_others() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("foobar.toml"), "[web]\nlisten_on = \"x\"\n").unwrap();
    let told = Told::by(&mut foobar(folder.path(), &[]));
    told.assert("problem", "configuration", "foobar.toml:2");
    told.assert("ok", "versions", "Foobar");

    fs::write(folder.path().join("foobar.toml"), "[web]\nkeepalive_timeout = \"5s\"\nkeepalive_requests = -1\n")
        .unwrap();
    let told = Told::by(&mut foobar(folder.path(), &[]));
    told.assert("problem", "configuration", "foobar.toml:3");
    told.assert("ok", "configuration", "foobar.toml sets web.keepalive_requests, web.keepalive_timeout");

    fs::remove_file(folder.path().join("foobar.toml")).unwrap();
    let told = Told::by(Program::foobar(folder.path()).args(["doctor", "--root", "not-there"]));
    told.assert("problem", "configuration", "not-there");
    told.assert("ok", "database", "none");
    let told = Told::by(foobar(folder.path(), &[]).env("FOOBAR_WEB_LISTEN", "x"));
    told.assert("warning", "configuration", "FOOBAR_WEB_LISTEN: this variable is not read");
}

#[test]
fn a_port_is_free_or_taken_by_somebody_who_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let by = format!("{address} is taken by integration-");
    // A process that another test begins has the socket too, until it has become that program.
    let told = until(&by, || {
        let told = Told::by(&mut foobar(folder.path(), &["--listen", &address]));
        told.has("problem", "ports", &by).then_some(told)
    });
    let process = format!("process {}: stop that, or listen elsewhere (`web.listen`)", std::process::id());
    told.assert("problem", "ports", &process);
    let held = held();
    let address = held.local_addr().unwrap();
    let told = Told::by(&mut foobar(folder.path(), &["--listen", &address.to_string()]));
    told.assert("ok", "ports", &format!("{address} is free (`web.listen`)"));
}

/// A port on which nobody listens, and which nobody else gets as long as this lives.
fn held() -> TcpListener {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    sockopt::set_socket_reuseaddr(&socket, true).unwrap(); // as those who listen do
    bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    socket.into()
}

/// It may be the server that is to be started anew, or another one of the same program.
#[test]
fn a_port_that_the_same_program_has_is_told_with_the_process_that_a_start_would_fail_beside() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(Program::foobar(folder.path()).args(["--root", "."]));
    let told = Told::by(&mut foobar(folder.path(), &["--listen", &program.address]));
    let words = format!("process {}, which is this same program: a start fails while that runs", program.id());
    told.assert("warning", "ports", &words);
    assert_eq!(told.code, 0, "{}", told.text);
}

#[test]
fn a_unix_socket_is_free_or_somebody_listens_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let doctor = || Told::by(&mut foobar(folder.path(), &["--listen", "unix:web.sock"]));
    doctor().assert("ok", "ports", "unix:web.sock is free (`web.listen`)");
    let taken = UnixListener::bind(folder.path().join("web.sock")).unwrap();
    doctor().assert("problem", "ports", "unix:web.sock");
    drop(taken);
    doctor().assert("ok", "ports", "unix:web.sock is free (`web.listen`)");
}

fn fifo(folder: &Path, name: &str) {
    assert!(Command::new("mkfifo").arg(folder.join(name)).status().unwrap().success());
}

/// `doctor`, `check` and a start end, with these words.
fn is_refused(folder: &Path, settings: &str, words: &str) {
    fs::write(folder.join("foobar.toml"), settings).unwrap();
    let command = |name| {
        let mut command = Program::foobar(folder);
        command.arg(name).env_remove("FOOBAR__WEB__LISTEN").env_remove("FOOBAR__WEB__ACCESS_LOG");
        command
    };
    let told = Told::by(&mut command("doctor"));
    assert!(told.code == 1 && told.text.contains(words), "{}", told.text);
    for name in ["check", "serve"] {
        let output = command(name).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(words), "{name}: {error}");
    }
}

#[test]
fn a_fifo_that_nobody_reads_is_no_log() {
    let folder = tempfile::tempdir().unwrap();
    fifo(folder.path(), "f");
    let words = "cannot open f: it is a FIFO or a socket that nobody reads";
    let site = "[sites.www]\nroot = \".\"\n";
    is_refused(folder.path(), &format!("[web]\naccess_log = \"f\"\n{site}"), words);
    is_refused(folder.path(), &format!("[log]\noutput = \"f\"\n{site}"), words);
}

#[test]
fn a_fifo_holds_no_authority_of_a_database() {
    let folder = tempfile::tempdir().unwrap();
    fifo(folder.path(), "f");
    let database = "[database]\nurl = \"mysql://me:x@127.0.0.1/shop?require_ssl=true\"\ntls_ca = \"f\"\n";
    is_refused(folder.path(), &format!("{database}[sites.www]\nroot = \".\"\n"), "is no regular file");
}

#[test]
fn a_fifo_or_a_device_is_no_certificate_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    fifo(folder.path(), "f");
    issue(folder.path(), "good", (2020, 2095));
    for (certificate, key) in [("f", "good.key"), ("good.pem", "f"), ("/dev/zero", "good.key")] {
        let files = format!("ssl_certificate = \"{certificate}\"\nssl_certificate_key = \"{key}\"\n");
        let settings = format!("[web]\nlisten = [\"127.0.0.1:0 ssl\"]\n[sites.www]\nroot = \".\"\n{files}");
        is_refused(folder.path(), &settings, "is no regular file");
    }
}

/// In a namespace of processes of its own, as in a container, where others are not seen.
#[test]
fn a_port_of_somebody_who_is_not_seen_may_be_the_programs_own() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let doctor = foobar(folder.path(), &["--listen", &address]);
    let alone = |way: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(way).args(["--pid", "--fork", "--mount-proc"]).arg(doctor.get_program()).args(doctor.get_args());
        command.current_dir(folder.path()).output().ok().filter(|output| !output.stdout.is_empty())
    };
    let Some(output) = alone(&["--mount"]).or_else(|| alone(&["--map-root-user", "--mount"])) else {
        return println!("not tried: this system gives no namespace");
    };
    let words = format!("{address} is taken by a program of another user, which may be this one (`web.listen`)");
    Told::of(output).assert("warning", "ports", &words);
}

#[test]
fn a_log_that_cannot_be_written_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::by(foobar(folder.path(), &[]).env("FOOBAR__LOG__OUTPUT", "not-there/the.log"));
    told.assert("problem", "permissions", "cannot open not-there/the.log");
    let told = Told::by(&mut foobar(folder.path(), &["--access-log", "not-there/access.log"]));
    told.assert("problem", "permissions", "`web.access_log`: cannot open not-there/access.log");
}

#[test]
fn a_control_socket_that_cannot_be_made_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::by(foobar(folder.path(), &[]).env("FOOBAR__CONTROL__SOCKET", "run/shop/control"));
    told.assert("problem", "permissions", "there is no folder run/shop; make it");
    let told = Told::by(foobar(folder.path(), &[]).env("FOOBAR__CONTROL__SOCKET", "run/control"));
    told.assert("warning", "permissions", "there is no folder run yet; a start fails unless something makes it before");
}

#[test]
fn a_certificate_is_told_with_its_names_and_its_end() {
    let folder = tempfile::tempdir().unwrap();
    for (name, years) in [("good", (2020, 2095)), ("old", (2020, 2021)), ("new", (2094, 2095))] {
        issue(folder.path(), name, years);
        let site = format!("[sites.www]\nssl_certificate = \"{name}.pem\"\nssl_certificate_key = \"{name}.key\"\n");
        fs::write(
            folder.path().join("foobar.toml"),
            format!("[web]\nlisten = [\"127.0.0.1:0 ssl\"]\n{site}root = \".\"\n"),
        )
        .unwrap();
        let told = Told::by(Program::foobar(folder.path()).arg("doctor").env_remove("FOOBAR__WEB__LISTEN"));
        match name {
            "good" => told.assert("ok", "certificates", "good.pem is for a.test, 192.0.2.1 until 2095-01-01"),
            "old" => {
                told.assert("problem", "certificates", "old.pem is for a.test, 192.0.2.1 and has expired on 2021-01-01")
            }
            _ => told.assert("problem", "certificates", "new.pem is for a.test, 192.0.2.1 from 2094-01-01 on"),
        }
    }
    fs::remove_file(folder.path().join("new.pem")).unwrap();
    let told = Told::by(Program::foobar(folder.path()).arg("doctor"));
    told.assert("problem", "certificates", "foobar.toml:4: `sites.www.ssl_certificate`: new.pem: No such file");
}

fn issue(folder: &Path, name: &str, years: (i32, i32)) {
    let mut params = CertificateParams::new(["a.test".to_owned(), "192.0.2.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join(format!("{name}.pem")), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

#[test]
fn a_disk_that_is_full_is_a_problem() {
    let output = on_a_small_disk("\"$0\" doctor --root . --listen 127.0.0.1:0");
    Told::of(output).assert("problem", "disk", "0 MiB are free where . is: make room; writes are about to fail");
}

#[test]
fn few_descriptors_are_told_with_what_would_be_enough() {
    let folder = tempfile::tempdir().unwrap();
    let program = foobar(folder.path(), &[]).get_program().to_owned();
    let mut few = Command::new("sh");
    few.args(["-c", "ulimit -n 256 && exec \"$0\" doctor --root ."]).arg(program).current_dir(folder.path());
    Told::by(few.env("FOOBAR__WEB__WORKERS", "2")).assert("warning", "descriptors", "256 files may be open, and 8");
}

#[test]
fn a_server_is_told_with_its_version_and_its_clock() {
    let folder = tempfile::tempdir().unwrap();
    let database = tokio::runtime::Runtime::new().unwrap().block_on(TestDb::mysql());
    let mut command = foobar(folder.path(), &[]);
    command.env("FOOBAR__DATABASE__URL", database.url());
    let told = Told::by(&mut command);
    told.assert("ok", "database", "is reached; the server is ");
    told.assert("ok", "clock", "the database's clock is the same");

    assert!(!told.text.contains("character set"), "{}", told.text);

    let mut later = at_clock("+2h", &command);
    Told::by(&mut later).assert("warning", "clock", " s ahead of that of the database: let NTP set both");
}

#[test]
fn a_database_whose_tables_hold_no_emoji_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(TestDb::mysql());
    let url = database.url();
    let latin1 = async { database.write(|conn| conn.batch_execute("ALTER DATABASE CHARACTER SET latin1")).await };
    runtime.block_on(latin1).unwrap();
    let mut command = foobar(folder.path(), &[]);
    let told = Told::by(command.env("FOOBAR__DATABASE__URL", url));
    told.assert("warning", "database", "the character set of the database is latin1");
    told.assert("warning", "database", "ALTER DATABASE … CHARACTER SET utf8mb4");
}

#[test]
fn a_date_that_cannot_be_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = at_clock("@2001-02-03 04:05:06", &foobar(folder.path(), &[]));
    Told::by(&mut past).assert("problem", "clock", "the date is 2001-02-03 (UTC), which cannot be");
}

#[test]
fn a_date_before_that_of_the_program_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = at_clock("-3d", foobar(folder.path(), &[]).env("FOOBAR__DATABASE__URL", "sqlite:here.db"));
    query(folder.path(), "CREATE TABLE mine (id INTEGER)");
    Told::by(&mut past).assert("problem", "clock", " was written on ");
}

/// With a rustc that is this script; nobody writes to its FIFO `never`.
fn with_rustc(script: &str) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let rustc = folder.path().join("rustc");
    fifo(folder.path(), "never");
    fs::write(&rustc, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
    let told = Told::by(foobar(folder.path(), &[]).env("PATH", folder.path()));
    drop(fs::File::options().read(true).write(true).open(folder.path().join("never"))); // who waits for a line ends
    told
}

#[test]
fn a_rustc_that_hangs_is_not_waited_for() {
    with_rustc("read line <never").assert("ok", "versions", "no rustc in PATH");
}

#[test]
fn a_child_of_rustc_that_keeps_the_output_open_is_not_waited_for() {
    with_rustc("read line <never &").assert("ok", "versions", "no rustc in PATH");
}

#[test]
fn of_what_rustc_prints_the_first_line_is_shown_without_control_characters() {
    let told = with_rustc("printf 'rustc \\0331.2\\a.3\\nproblem  versions more\\n'; read line <never");
    told.assert("ok", "versions", "rustc 1.2.3");
    assert!(!told.text.contains("more") && !told.text.contains('\u{1b}'), "{}", told.text);
}

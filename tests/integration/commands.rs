//! What the commands say of the application and of its database, and what they leave as it is.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::support::Program;

const LEDGER: &str = "2026-01-01-000000_create_ledger";

/// Runs a command to its end: exit code, standard output, standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Runs a command of the program `proving` on a database in this folder.
fn proving(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    run(Program::example("proving", folder).args(arguments).args(["--database", "sqlite:here.db"]))
}

fn query(folder: &Path, sql: &str) {
    use foobar::diesel::connection::{Connection, SimpleConnection};
    use foobar::diesel::sqlite::SqliteConnection;
    let path = folder.join("here.db");
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute(sql).unwrap();
}

#[test]
fn routes_lists_those_of_the_application_with_their_methods() {
    let folder = tempfile::tempdir().unwrap();
    let (code, output, error) = proving(folder.path(), &["routes"]);
    assert_eq!((code, error.as_str()), (0, ""));
    let lines: Vec<Vec<&str>> = output.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["application"]);
    for route in ["/ GET", "/broken/{n} GET", "/echo POST also from other sites"] {
        assert!(lines.contains(&route.split(' ').collect()), "{route} is not in {output}");
    }
    assert!(lines.iter().any(|line| line[0] == "site"), "{output}");
    assert!(!folder.path().join("here.db").exists(), "it makes no database");
}

#[test]
fn routes_of_a_service_cannot_be_listed_and_a_folder_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let (code, output, _) = run(Program::example("axum", folder.path()).arg("routes"));
    assert_eq!((code, output.lines().next()), (0, Some("application  a service, whose routes cannot be listed")));
    let (_, output, _) = run(Program::foobar(folder.path()).args(["routes", "--root", "."]));
    assert!(output.starts_with("site "), "{output}");
}

#[test]
fn routes_needs_nothing_that_the_settings_name_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = r#"
        [web]
        listen = ["127.0.0.1:0", "127.0.0.1:0 ssl"]
        access_log = "no/such/access.log"
        [admin]
        listen = "127.0.0.1:0 ssl"
        ssl_certificate = "no-such.pem"
        ssl_certificate_key = "no-such.key"
        [sites.main]
        root = "public"
        error_page = ["404 /404.html"]
        ssl_certificate = "no-such.pem"
        ssl_certificate_key = "no-such.key"
        [sites.main.routes]
        "/downloads/" = { files = "/no/such/downloads" }
        "/there/" = { files = "there" }
        "= /favicon.ico" = { files = "favicon.ico" }
        "= /robots.txt" = { files = "there/robots.txt" }
        "/embedded/" = { files = "embed:pages" }
    "#;
    fs::write(folder.path().join("foobar.toml"), configuration).unwrap();
    fs::create_dir(folder.path().join("there")).unwrap();
    fs::write(folder.path().join("there/robots.txt"), "").unwrap();
    let (code, output, error) = run(Program::foobar(folder.path()).arg("routes"));
    assert_eq!((code, error.as_str()), (0, ""));
    for (path, expected) in [
        ("/downloads/", "files in /no/such/downloads (cannot be opened: No such file"),
        ("= /favicon.ico", "file favicon.ico (cannot be opened: "),
        ("/embedded/", "files in embed:pages (cannot be opened: this program has no files of the name \"pages\""),
        ("(everything else)", "file in public, then index in public (cannot be opened: No such file"),
    ] {
        let line = output.lines().find(|line| line.contains(path)).expect(path);
        assert!(line.contains(expected), "{line}");
    }
    for whole in ["files in there\n", "file there/robots.txt\n"] {
        assert!(output.contains(whole), "{output}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "it makes nothing");
}

#[test]
fn a_port_in_use_leaves_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, error) = proving(folder.path(), &["--listen", &address]);
    assert_eq!(code, 1);
    assert!(error.contains(&format!("cannot listen on {address}; another program listens there")), "{error}");
    assert!(!folder.path().join("here.db").exists());
}

#[test]
fn check_says_what_a_start_would_make_and_migrate_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = "the configuration is good (no file)\n";
    let (code, output, error) = proving(folder.path(), &["check"]);
    let missing = "missing  sqlite:here.db; a start makes it\n";
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(output, format!("{missing}pending  {LEDGER}\n{good}"));
    assert!(!folder.path().join("here.db").exists());
    query(folder.path(), "CREATE TABLE mine (id INTEGER)");
    let before = fs::read(folder.path().join("here.db")).unwrap();
    assert_eq!(proving(folder.path(), &["check"]).1, format!("pending  {LEDGER}\n{good}"));
    assert_eq!(proving(folder.path(), &["migrate", "status"]).1, format!("pending  {LEDGER}\n"));
    assert_eq!(fs::read(folder.path().join("here.db")).unwrap(), before);
    proving(folder.path(), &["migrate"]);
    assert_eq!(proving(folder.path(), &["check"]).1, good);
}

#[test]
fn no_command_but_serve_makes_the_file_of_the_access_log() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["check", "routes"] {
        let (code, _, error) = proving(folder.path(), &[command, "--access-log", "access.log"]);
        assert_eq!(code, 0, "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{command:?}");
    }
    let (code, _, error) = proving(folder.path(), &["check", "--access-log", "not-there/access.log"]);
    assert_eq!(code, 2);
    assert!(
        error.contains("--access-log: `web.access_log`: cannot open not-there/access.log: No such file"),
        "{error}"
    );
}

#[test]
fn a_migration_that_the_program_does_not_have_is_listed_and_not_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    proving(folder.path(), &["migrate"]);
    query(folder.path(), "INSERT INTO __diesel_schema_migrations (version) VALUES ('20270101000000')");
    let listed = format!("done     {LEDGER}\nunknown  20270101000000\n");
    assert_eq!(proving(folder.path(), &["migrate", "status"]).1, listed);
    assert!(proving(folder.path(), &["check"]).1.starts_with("unknown  20270101000000\n"));
    for action in ["down", "redo"] {
        let (code, _, error) = proving(folder.path(), &["migrate", action]);
        assert_eq!(code, 1);
        assert!(error.contains("the last migration that the database has seen, 20270101000000, is not in"), "{error}");
    }
    let (code, _, log) = proving(folder.path(), &["migrate"]);
    assert!(code == 0 && log.contains("20270101000000"), "{log}");
}

#[test]
fn a_database_that_is_missing_is_an_error_of_the_commands_that_look_into_it_and_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["sqlite:here.db", "sqlite:a/b/here.db", "sqlite::memory:"] {
        for action in ["down", "redo", "status"] {
            let mut command = Program::example("proving", folder.path());
            let (code, output, error) = run(command.args(["migrate", action, "--database", url]));
            let listed = if action == "status" { format!("pending  {LEDGER}\n") } else { String::new() };
            assert_eq!((code, output), (1, listed), "{action}");
            let expected = format!("there is no database {url} yet; `migrate` makes it");
            assert!(error.contains(&expected), "{action}: {error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{action}");
        }
    }
}

#[test]
fn a_database_and_a_folder_that_are_made_are_in_the_log_once() {
    let folder = tempfile::tempdir().unwrap();
    let migrate = || {
        let mut command = Program::example("proving", folder.path());
        run(command.args(["migrate", "--database", "sqlite:a/b/here.db"])).2
    };
    let log = migrate();
    assert!(log.contains("made the folder of the database folder=a/b\n"), "{log}");
    assert!(log.contains("making the database file=a/b/here.db\n"), "{log}");
    let log = migrate();
    assert!(!log.contains("made the folder") && !log.contains("making the database"), "{log}");
}

#[test]
fn down_takes_the_last_migration_back_and_redo_runs_it_again() {
    let folder = tempfile::tempdir().unwrap();
    query(folder.path(), "CREATE TABLE mine (id INTEGER)");
    assert_eq!(proving(folder.path(), &["migrate", "down"]).1, "nothing to take back: no migration has run\n");
    proving(folder.path(), &["migrate"]);
    query(folder.path(), "INSERT INTO ledger (id, note) VALUES (1, 'x')");
    let (code, output, error) = proving(folder.path(), &["migrate", "redo"]);
    assert_eq!((code, output), (0, format!("redid  {LEDGER}\n")), "{error}");
    query(folder.path(), "INSERT INTO ledger (id, note) VALUES (1, 'not there any more')");
    assert_eq!(proving(folder.path(), &["migrate", "down"]).1, format!("took back  {LEDGER}\n"));
    assert_eq!(proving(folder.path(), &["migrate", "status"]).1, format!("pending  {LEDGER}\n"));
    query(folder.path(), "CREATE TABLE ledger (id INTEGER)");
}

#[test]
fn down_redo_check_and_a_start_fail_while_a_migration_has_begun_and_not_ended() {
    let folder = tempfile::tempdir().unwrap();
    let half = |arguments: &[&str]| {
        let mut command = Program::example("starting", folder.path());
        run(command.args(arguments).args(["--database", "sqlite:here.db"]).env("STARTING_MIGRATIONS", "half"))
    };
    half(&["migrate"]);
    for (arguments, expected) in [
        (&["migrate", "down"][..], "error: migration `2026-01-02-000000_likes`, which began on 20"),
        (&["migrate", "down"], " (database sqlite:here.db)\n"),
        (&["migrate", "redo"], "UTC, failed, so nothing was taken back; correct it and run `migrate`"),
        (
            &["check"],
            "error: migration `2026-01-02-000000_likes` failed, and a start may again: it goes on with statement 2",
        ),
        (&["serve", "--listen", "127.0.0.1:0"], "`2026-01-02-000000_likes` failed: what it did before its statement 2"),
    ] {
        let (code, output, error) = half(arguments);
        assert!(code == 1 && error.contains(expected), "{arguments:?}: {code} {error}");
        assert!(!output.contains("took back") && !output.contains("is good"), "{output}");
    }
    let listed = "done     2026-01-01-000000_entries\nfailed   2026-01-02-000000_likes: its statement 2 of ";
    assert!(half(&["migrate", "status"]).1.starts_with(listed));
    let (code, output, _) = half(&["doctor"]);
    let failed = "failed: 2026-01-02-000000_likes; correct it from the statement on that failed";
    assert!(code == 1 && output.contains(failed) && !output.contains("did not end"), "{output}");
    assert_eq!(
        half(&["migrate", "mark-done", "2026-01-02-000000_likes"]).1,
        "marked as done  2026-01-02-000000_likes\n"
    );
    assert_eq!(half(&["migrate"]).1, "nothing to migrate\n");
    assert_eq!(half(&["migrate", "unlock"]).1, "nothing to unlock: no process has left its mark\n");
    query(folder.path(), "INSERT INTO entries (id, likes) VALUES (1, 1)");
}

#[test]
fn what_is_taken_back_in_half_is_told_by_every_command_and_ended_by_resume() {
    let folder = tempfile::tempdir().unwrap();
    let half = |arguments: &[&str]| {
        let mut command = Program::example("starting", folder.path());
        run(command.args(arguments).args(["--database", "sqlite:here.db"]).env("STARTING_MIGRATIONS", "half"))
    };
    half(&["migrate"]);
    half(&["migrate", "mark-done", "2026-01-02-000000_likes"]);
    let refused = "error: migration `2026-01-02-000000_likes` is taken back in half: that began on 20";
    for (arguments, expected) in [
        (
            &["migrate", "down"][..],
            "has taken effect; correct it from there on and run `migrate down`, which goes on with",
        ),
        (&["migrate", "down"], "or do the rest by hand and run `migrate resume --from 3`, or put back by hand what is"),
        (&["migrate"], refused),
        (&["check"], refused),
        (&["serve", "--listen", "127.0.0.1:0"], "`2026-01-02-000000_likes` is taken back in half: that began on 20"),
    ] {
        let (code, output, error) = half(arguments);
        assert!(code == 1 && error.contains(expected), "{arguments:?}: {code} {error}");
        assert!(!output.contains("took back") && !output.contains("is good"), "{output}");
    }
    let listed = "done     2026-01-01-000000_entries\nfailed   2026-01-02-000000_likes, to be taken back, at statement 2 of \
                  its down.sql: its statement 2 of 2, on line 2 of its down.sql: ";
    let (_, output, _) = half(&["migrate", "status"]);
    assert!(output.starts_with(listed), "{output}");
    let (code, output, _) = half(&["doctor"]);
    assert!(
        code == 1 && output.contains("taken back in half: 2026-01-02-000000_likes; `migrate down` goes on"),
        "{output}"
    );
    assert_eq!(half(&["migrate", "resume", "--from", "3"]).1, "took back  2026-01-02-000000_likes\n");
    assert_eq!(half(&["migrate", "down"]).1, "took back  2026-01-01-000000_entries\n");
}

#[test]
fn check_lets_a_migration_go_on_that_failed_and_was_mended() {
    let folder = tempfile::tempdir().unwrap();
    let starting = |migrations: &str, arguments: &[&str]| {
        let mut command = Program::example("starting", folder.path());
        run(command.args(arguments).args(["--database", "sqlite:here.db"]).env("STARTING_MIGRATIONS", migrations))
    };
    assert_eq!(starting("half", &["migrate"]).0, 1);
    let (code, output, error) = starting("mended", &["check"]);
    assert_eq!(code, 0, "{error}");
    let listed = "failed   2026-01-02-000000_likes, changed since, goes on with its statement 2: its statement 2 of 2";
    assert!(output.starts_with(listed), "{output}");
    assert!(starting("mended", &["migrate", "status"]).1.contains(listed));
    let (_, output, _) = starting("mended", &["doctor"]);
    assert!(output.contains("failed, and changed since: 2026-01-02-000000_likes; a start goes on with it"), "{output}");
    assert_eq!(starting("mended", &["migrate"]).1, "migrated  2026-01-02-000000_likes\n");
    query(folder.path(), "INSERT INTO entries (id, likes, seen) VALUES (1, 1, 1)");
}

#[test]
fn backup_copies_the_database_into_a_new_file_that_can_be_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = proving(folder.path(), &["backup", "copy.db"]);
    assert!(code == 1 && error.contains("there is no database sqlite:here.db yet"), "{error}");
    proving(folder.path(), &["migrate"]);
    query(folder.path(), "INSERT INTO ledger (id, note) VALUES (1, 'kept')");
    let (code, output, error) = proving(folder.path(), &["backup", "copy.db"]);
    assert_eq!((code, output.as_str()), (0, "copied  sqlite:here.db to copy.db\n"), "{error}");
    let (code, _, error) = proving(folder.path(), &["backup", "copy.db"]);
    assert!(
        code == 1 && error.contains("error: the backup copy.db cannot be made: this file is there already"),
        "{error}"
    );
    query(folder.path(), "DROP TABLE ledger");
    assert_eq!(proving(folder.path(), &["vacuum"]).1, "vacuumed  sqlite:here.db\n");
    for name in ["here.db", "here.db-wal", "here.db-shm"] {
        _ = fs::remove_file(folder.path().join(name)); // the last two may be gone
    }
    fs::rename(folder.path().join("copy.db"), folder.path().join("here.db")).unwrap();
    assert_eq!(proving(folder.path(), &["migrate", "status"]).1, format!("done     {LEDGER}\n"));
    query(folder.path(), "UPDATE ledger SET note = 'still there' WHERE id = 1");
}

#[test]
fn new_makes_a_migration_for_each_engine_and_refuses_bad_names_and_those_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let new = |name: &str| run(Program::foobar(folder.path()).args(["migrate", "new", name]));
    let (code, output, error) = new("create_users");
    assert_eq!((code, error.as_str()), (0, ""));
    for engine in ["sqlite", "mysql"] {
        let all: Vec<_> = fs::read_dir(folder.path().join("migrations").join(engine)).unwrap().collect();
        let [Ok(made)] = &all[..] else { panic!("one is made") };
        let name = made.file_name().into_string().unwrap();
        assert!(name.starts_with("20") && name.ends_with("_create_users") && name.len() == 30, "{name}");
        assert!(output.contains(&format!("made  migrations/{engine}/{name}\n")), "{output}");
        assert!(made.path().join("up.sql").is_file() && made.path().join("down.sql").is_file());
    }
    assert!(output.contains("embed_migrations!(\"migrations/sqlite\")"), "{output}");
    let (code, _, error) = new("create_users");
    assert_eq!(code, 1);
    assert!(error.contains("there is already a migration of that name: migrations/sqlite/20"), "{error}");
    for bad in ["", "a b", "../x", "a/b", "_x", "7up", "é", "-x", &"x".repeat(101)] {
        let (code, _, error) = run(Program::foobar(folder.path()).args(["migrate", "new", "--", bad]));
        assert_eq!(code, 2, "{bad}: {error}");
    }
    let (code, output, error) = new("add_prices");
    assert_eq!(code, 0, "{error}");
    assert_eq!(output.matches("_add_prices\n").count(), 2);
    assert_eq!(fs::read_dir(folder.path().join("migrations/mysql")).unwrap().count(), 2);
}

#[test]
fn a_variable_with_one_underscore_is_warned_of_by_check_and_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let warning = "FOOBAR_WEB_LISTEN: this variable is not read; write FOOBAR__WEB__LISTEN";
    let mut check = Program::foobar(folder.path());
    let (code, _, warnings) = run(check.args(["check", "--root", "."]).env("FOOBAR_WEB_LISTEN", "0.0.0.0:80"));
    assert!(code == 0 && warnings.starts_with(&format!("warning: {warning}")), "{warnings}");
    let mut serve = Program::foobar(folder.path());
    let program = Program::start(serve.args(["--root", "."]).env("FOOBAR_WEB_LISTEN", "0.0.0.0:80"));
    program.signal("TERM");
    let (_, log) = program.wait();
    assert!(log.contains(warning), "{log}");
}

//! The command line of a program built on the facade, its signals and its exit codes.

mod admin; // the listener for operators
mod bad_values; // of each key, what `check` says
mod signals; // what signals do

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use foobar::config::{DatabaseSettings, Secret};
use foobar::{Db, Migrations, embed_migrations};

use crate::support::Program;

/// Runs a command to its end: exit code, standard output, standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_binary_serves_a_folder_with_two_options() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "<h1>hello</h1>").unwrap();
    let mut command = Program::foobar(folder.path());
    command.env_remove("FOOBAR__WEB__LISTEN").args(["--root", ".", "--listen", "127.0.0.1:0"]);
    let program = Program::start(&mut command);
    let answer = program.get("/");
    assert_eq!((answer.status, answer.text()), (200, "<h1>hello</h1>"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
}

#[test]
fn the_start_prints_where_it_listens_and_which_database_and_configuration_it_uses() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("foobar.toml"), "[database]\nurl = \"sqlite:here.db\"\n").unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    assert_eq!(program.banner[0], format!("listening on   http://{}", program.address));
    assert_eq!(program.banner[1], format!("admin          http://{} (/livez /readyz /metrics)", program.admin));
    assert_eq!(program.banner[2], "database       sqlite:here.db");
    assert_eq!(program.banner[3], "configuration  foobar.toml");
}

#[test]
fn where_standard_output_has_the_access_log_it_has_nothing_else() {
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Program::foobar(folder.path());
        command.args(["--root", "."]).env("FOOBAR__WEB__ACCESS_LOG", "stdout").env("FOOBAR__WEB__LOG_FORMAT", "json");
        let mut program = Program::start(command.env("FOOBAR__LOG__FORMAT", format));
        assert_eq!(program.get("/?mine").status, 404);
        let line: serde_json::Value = serde_json::from_str(&program.line()).unwrap();
        assert_eq!(line["request"], "GET /?mine HTTP/1.1");
        let of_root = |line: &String| line.contains("runs as root");
        for line in program.banner.iter().filter(|line| format == "json" && !of_root(line)) {
            assert_eq!(serde_json::from_str::<serde_json::Value>(line).unwrap()["level"], "INFO");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn as_many_workers_serve_as_web_workers_says() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(Program::foobar(folder.path()).args(["--root", ".", "--workers", "3"]));
    let threads = std::fs::read_dir(format!("/proc/{}/task", program.id())).unwrap();
    let names = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("comm")).unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("foobar-web-")).collect();
    names.sort();
    // The one worker of the admin listener has a name like the others. `foobar-web-watch` is longer than a name may be.
    let expected = ["foobar-web-0\n", "foobar-web-0\n", "foobar-web-1\n", "foobar-web-2\n", "foobar-web-watc\n"];
    assert_eq!(names, expected);
}

#[test]
fn check_says_that_a_good_configuration_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let (code, output, error) = run(Program::foobar(folder.path()).args(["check", "--root", "."]));
    assert_eq!((code, output.as_str(), error.as_str()), (0, "the configuration is good (no file)\n", ""));
}

#[test]
fn check_and_the_log_warn_of_a_private_key_that_everybody_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let issued = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    std::fs::write(folder.path().join("pem"), issued.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key"), issued.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(folder.path().join("key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let text = "[sites.a]\nroot = \".\"\nssl_certificate = \"pem\"\nssl_certificate_key = \"key\"\n";
    std::fs::write(folder.path().join("foobar.toml"), text).unwrap();
    let listen = ("FOOBAR__WEB__LISTEN", "127.0.0.1:0, 127.0.0.2:0 ssl");
    let (code, _, warnings) = run(Program::foobar(folder.path()).arg("check").env(listen.0, listen.1));
    let warning = "foobar.toml:4: `sites.a.ssl_certificate_key`: key: everybody on this machine can read the private key; \
                   set the mode of the file to 0600";
    assert_eq!((code, warnings), (0, format!("warning: {warning}\n")));
    let program = Program::start(Program::foobar(folder.path()).env(listen.0, listen.1));
    program.signal("TERM");
    let (_, log) = program.wait();
    assert!(log.contains(warning), "{log}");
}

#[test]
fn check_warns_of_what_can_never_work() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[sites.a]\nroot = \".\"\nautoindex = \"html\"\ntry_files = [\"file\"]\ncompress = [\"br\"]\n\
                [sites.a.routes.\"/x/\"]\nfiles = \".\"\nautoindex = \"on\"\ntry_files = [\"file\"]\n\
                [sites.a.routes.\"/y/\"]\nfiles = \".\"\ninternal = true\n\
                [web]\nfile_cache_size = \"0\"\n";
    std::fs::write(folder.path().join("foobar.toml"), text).unwrap();
    let check = || run(Program::foobar(folder.path()).arg("check"));
    let (code, output, warnings) = check();
    assert_eq!((code, output.as_str()), (0, "the configuration is good (foobar.toml)\n"));
    let keys: Vec<&str> = warnings.lines().filter_map(|line| line.split_once("`: ")).map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        [
            "warning: foobar.toml:8: `sites.a.routes.\"/x/\".autoindex",
            "warning: foobar.toml:3: `sites.a.autoindex",
            "warning: foobar.toml:5: `sites.a.compress",
        ]
    );
    let text = text.replace("[\"file\"]", "[\"index\"]").replace("\"0\"", "\"1MiB\"");
    std::fs::write(folder.path().join("foobar.toml"), text).unwrap();
    assert_eq!(check(), (0, output, String::new()));
}

#[test]
fn an_index_that_is_no_name_of_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for index in ["a/b.html", "", ".."] {
        let text = format!("[sites.a]\nroot = \".\"\nindex = [\"index.html\", {index:?}]\n");
        std::fs::write(folder.path().join("foobar.toml"), text).unwrap();
        let (code, _, error) = run(Program::foobar(folder.path()).arg("check"));
        assert_eq!(code, 2);
        assert!(error.starts_with(&format!("error: foobar.toml:3: `sites.a.index`: {index:?} is no name")), "{error}");
    }
}

#[test]
fn a_list_in_one_text_is_divided_at_commas_and_an_array_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let check = |rules: &str| {
        let mut command = Program::foobar(folder.path());
        run(command.args(["check", "--root", "."]).env("FOOBAR__SITES__A__CACHE_CONTROL", rules))
    };
    let (code, _, error) = check("* public, max-age=60");
    assert_eq!(code, 2);
    assert!(error.starts_with("error: FOOBAR__SITES__A__CACHE_CONTROL (a text, divided at its commas; "), "{error}");
    let (code, _, error) = check("[\"* public, max-age=60\"]");
    assert_eq!((code, error.as_str()), (0, ""));
}

#[test]
fn check_names_file_line_and_key_of_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.toml"), "[web]\n\nlisten = \"nowhere\"\n").unwrap();
    let (code, _, error) =
        run(Program::foobar(folder.path()).args(["check", "--config", "my.toml"]).env_remove("FOOBAR__WEB__LISTEN"));
    assert_eq!(code, 2);
    assert!(error.starts_with("error: my.toml:3: `web.listen`: "), "{error}");
}

#[test]
fn check_refuses_a_file_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = run(Program::foobar(folder.path()).args(["check", "--config", "none.toml"]));
    assert_eq!((code, error.as_str()), (2, "error: there is no configuration file none.toml\n"));
}

#[test]
fn config_prints_every_value_with_its_origin_and_hides_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("foobar.toml"), "[web]\nkeepalive_requests = 7\n").unwrap();
    let mut command = Program::foobar(folder.path());
    command.env("FOOBAR__DATABASE__URL", "mysql://user:hunter2@localhost/db");
    command.env("FOOBAR__WEB__TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8");
    let (code, output, _) = run(command.args(["config", "--workers", "3"]));
    assert_eq!(code, 0);
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines.contains(&"web.keepalive_requests = 7  # foobar.toml:2"), "{output}");
    let proxies = r#"web.trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]  # FOOBAR__WEB__TRUSTED_PROXIES"#;
    assert!(lines.contains(&proxies), "{output}");
    assert!(lines.contains(&"web.workers = 3  # --workers"), "{output}");
    assert!(lines.contains(&"web.keepalive_timeout = \"75s\"  # default"), "{output}");
    assert!(lines.contains(&"database.url = \"***\"  # FOOBAR__DATABASE__URL"), "{output}");
    assert!(!output.contains("hunter2"));
}

#[test]
fn migrate_status_lists_and_migrate_run_runs_what_is_pending() {
    let folder = tempfile::tempdir().unwrap();
    let proving = |arguments: &[&str]| {
        run(Program::example("proving", folder.path()).args(arguments).args(["--database", "sqlite:here.db"]))
    };
    assert_eq!(proving(&["migrate", "status"]).1, "pending  2026-01-01-000000_create_ledger\n");
    assert_eq!(proving(&["migrate"]).1, "migrated  2026-01-01-000000_create_ledger\n");
    assert_eq!(proving(&["migrate", "run"]).1, "nothing to migrate\n");
    assert_eq!(proving(&["migrate", "status"]).1, "done     2026-01-01-000000_create_ledger\n");
}

#[tokio::test]
async fn a_migration_that_failed_is_listed_with_its_statement_and_refused_where_what_ran_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = DatabaseSettings::default();
    settings.url = Some(Secret::new(format!("sqlite:{}", folder.path().join("here.db").display())));
    let database = Db::open(&settings).unwrap();
    database.tier().start().await.unwrap();
    let half = Migrations::new(embed_migrations!("tests/integration/unfinished")); // that of the program, badly written
    database.migrate(&half).await.unwrap_err();
    let migrate = |action: &str| {
        run(Program::example("proving", folder.path()).args(["migrate", action, "--database", "sqlite:here.db"]))
    };
    let expected = "failed   2026-01-01-000000_create_ledger: its statement 2 of 2, on line 2 of its up.sql: ";
    let listed = migrate("status").1;
    assert!(listed.starts_with(expected) && listed.contains("no such table"), "{listed}");
    let (code, _, log) = migrate("run");
    let refused = "`2026-01-01-000000_create_ledger` stopped at its statement 2, and what is before that in its up.sql";
    assert!(code == 1 && log.contains(refused), "{log}");
    let mut marks = Program::example("proving", folder.path());
    let mark = ["migrate", "mark-done", "2026-01-01-000000_create_ledger", "--database", "sqlite:here.db"];
    assert_eq!(run(marks.args(mark)).1, "marked as done  2026-01-01-000000_create_ledger\n");
    assert_eq!(migrate("status").1, "done     2026-01-01-000000_create_ledger\n");
}

#[test]
fn routes_lists_sites_and_routes() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[sites.www]\nserver_name = [\"www.foobar.com\"]\nroot = \".\"\n\
                [sites.www.routes.\"/old/\"]\nredirect = \"/new/\"\n[sites.www.routes.\"= /ping\"]\nrespond = 204\n";
    std::fs::write(folder.path().join("foobar.toml"), file).unwrap();
    let (code, output, _) = run(Program::foobar(folder.path()).arg("routes"));
    assert_eq!(code, 0);
    let words: Vec<Vec<&str>> = output.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["site", "www", "www.foobar.com"]);
    assert_eq!(words[1], ["=", "/ping", "respond", "204"]);
    assert_eq!(words[2], ["/old/", "redirect", "to", "/new/"]);
    assert_eq!(words[3], ["(everything", "else)", "file", "in", ".,", "then", "index", "in", "."]);
}

#[test]
fn routes_lists_only_the_steps_that_are_tried() {
    let folder = tempfile::tempdir().unwrap();
    let rest = |arguments: &[&str], steps: &str| {
        let mut command = Program::example("hello", folder.path());
        command.arg("routes").args(arguments).env("FOOBAR__SITES__DEFAULT__TRY_FILES", steps);
        run(&mut command).1.split_once("(everything else)").unwrap().1.trim().to_owned()
    };
    assert_eq!(rest(&["--root", "."], "file, index, app"), "file in ., then index in ., then app");
    assert_eq!(rest(&["--root", "."], "file"), "file in .");
    assert_eq!(rest(&[], "file, index, app"), "app");
    assert_eq!(rest(&[], "file"), "404");
}

#[test]
fn a_site_may_be_labelled_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[sites.\"www.foobar.com\"]\nindex = [\"a.html\"]\n";
    std::fs::write(folder.path().join("foobar.toml"), file).unwrap();
    let (code, output, error) = run(Program::foobar(folder.path()).args(["config", "--root", "."]));
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(output.contains("sites.\"www.foobar.com\".root = \".\"  # --root\n"), "{output}");
}

#[test]
fn config_names_the_default_database_and_what_is_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let (_, output, _) =
        run(Program::example("proving", folder.path()).arg("config").env_remove("FOOBAR__WEB__WORKERS"));
    assert!(output.contains("database.url = \"***\"  # program\n"), "{output}");
    assert!(output.contains("sites.default.index = [\"index.html\"]  # default\n"), "{output}");
    assert!(output.contains("# web.workers is not set\n"), "{output}");
    let (_, output, _) = run(Program::example("hello", folder.path()).arg("config"));
    assert!(output.contains("# database.url is not set\n"), "{output}");
}

#[test]
fn a_database_by_default_in_both_folders_is_refused_until_it_is_named() {
    let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, other) = (state.path().join("foobar.db"), folder.path().join("foobar.db"));
    let command = |word: &str| {
        let mut command = Program::example("proving", folder.path());
        command.arg(word).env("STATE_DIRECTORY", state.path());
        command
    };
    std::fs::write(&one, "").unwrap();
    let (_, _, error) = run(&mut command("check"));
    assert!(!error.contains("two databases"), "{error}");
    std::fs::write(&other, "").unwrap();
    let both = format!("there are two databases, {} and {}; set `database.url`", one.display(), other.display());
    for word in ["serve", "check", "migrate"] {
        let (code, _, error) = run(&mut command(word));
        assert_eq!(code, 2, "{word}: {error}");
        assert!(error.contains(&both), "{word}: {error}");
    }
    let (_, _, error) = run(command("check").env("FOOBAR__DATABASE__URL", format!("sqlite:{}", one.display())));
    assert!(!error.contains("two databases"), "{error}");
}

#[test]
fn config_refuses_a_bad_value_like_every_other_command() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("foobar.toml"), "[log]\nfilter = \"foobar=nonsense=1\"\n").unwrap();
    for command in ["config", "check", "routes", "serve"] {
        let (code, _, error) = run(Program::foobar(folder.path()).args([command, "--root", "."]));
        assert_eq!(code, 2, "{command}");
        assert!(error.starts_with("error: foobar.toml:2: `log.filter`: "), "{command}: {error}");
    }
}

#[test]
fn a_password_in_a_broken_file_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    for line in ["url = \"mysql://u:hunter2@h/d", "url = mysql://u:hunter2@h/d", "url = [\"mysql://u:hunter2@h/d\"]"] {
        std::fs::write(folder.path().join("foobar.toml"), format!("[database]\n{line}\n")).unwrap();
        let (code, output, error) = run(Program::foobar(folder.path()).args(["check", "--root", "."]));
        assert_eq!(code, 2, "{error}");
        assert!(!format!("{output}{error}").contains("hunter2"), "{error}");
        assert!(error.starts_with("error: foobar.toml:2: "), "{error}");
    }
}

#[test]
fn an_unknown_option_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = run(Program::foobar(folder.path()).arg("--lisen"));
    assert_eq!(code, 2);
    assert!(error.contains("--listen"), "{error}");
}

#[test]
fn nothing_to_serve_is_an_error_that_says_what_to_give() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = run(&mut Program::foobar(folder.path()));
    assert_eq!(code, 2);
    assert!(error.contains("--root DIR"), "{error}");
}

#[test]
fn check_warns_of_a_shutdown_delay_that_nobody_sees() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("foobar.toml"), "[server]\nshutdown_delay = \"5s\"\n[admin]\nlisten = \"off\"\n")
        .unwrap();
    let mut check = Program::foobar(folder.path());
    let output = check.env_remove("FOOBAR__ADMIN__LISTEN").args(["check", "--root", "."]).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && log.contains("warning: foobar.toml:2: `server.shutdown_delay`"), "{log}");
}

#[test]
fn a_configuration_in_a_folder_that_is_closed_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    // A file in the place of a folder is as closed for root as a folder without rights is for others.
    let (code, _, error) = run(Program::foobar(folder.path()).args(["check", "--config", "file/foobar.toml"]));
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("file/foobar.toml") && error.contains("Not a directory"), "{error}");
    let (code, _, error) = run(Program::foobar(folder.path()).args(["check", "--config", "none.toml"]));
    assert_eq!((code, error.as_str()), (2, "error: there is no configuration file none.toml\n"));
}

#[test]
fn an_access_log_that_nobody_reads_holds_neither_requests_nor_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__WEB__ACCESS_LOG", "stdout"));
    let mut client = program.client();
    for _ in 0..100 {
        assert_eq!(client.get(&format!("/?{}", "x".repeat(4000))).text(), "proving"); // a pipe holds 64 KiB
    }
    drop(client);
    program.signal("TERM");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

/// What the program logs when a handler panics and it is stopped.
fn log_of_a_panic(environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(Program::example("proving", folder.path()).envs(environment.iter().copied()));
    assert_eq!(program.get("/panic").status, 500);
    program.signal("TERM");
    program.wait().1
}

#[test]
fn the_log_tells_of_a_panic_once_with_its_place_and_of_the_stop() {
    let log = log_of_a_panic(&[]);
    assert_eq!(log.matches("a handler with a bug").count(), 1, "{log}");
    assert!(log.contains("panicked at tests/programs/proving.rs:"), "{log}");
    assert!(log.contains(" INFO ") && log.contains("stopped"), "{log}");
}

#[test]
fn the_log_is_filtered() {
    let log = log_of_a_panic(&[("FOOBAR__LOG__FILTER", "error")]);
    assert!(log.lines().count() == 1 && log.contains("ERROR") && log.contains("path=\"/panic\""), "{log}");
}

#[test]
fn the_access_log_has_nginxs_combined_format() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "12345").unwrap();
    let mut command = Program::foobar(folder.path());
    let program = Program::start(command.args(["--root", ".", "--access-log", "access.log"]));
    let mut client = program.client();
    client
        .send(b"GET /a.txt?q=1 HTTP/1.1\r\nHost: a\r\nReferer: http://from/\"quoted\"\r\nUser-Agent: caf\xe9\r\n\r\n");
    assert_eq!(client.answer("GET").status, 200);
    program.signal("TERM");
    assert!(program.wait().0.success());
    let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
    let (before, after) = log.trim_end().split_once('[').unwrap();
    let (time, after) = after.split_once(']').unwrap();
    assert_eq!(before, "127.0.0.1 - - ");
    assert_eq!((time.len(), time.ends_with(" +0000")), ("20/Nov/2026:06:00:00 +0000".len(), true));
    assert_eq!(after, " \"GET /a.txt?q=1 HTTP/1.1\" 200 5 \"http://from/\\x22quoted\\x22\" \"caf\\xE9\"");
}

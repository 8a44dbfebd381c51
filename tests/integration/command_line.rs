//! The command line of a program built on the facade, its signals and its exit codes.

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
        for line in program.banner.iter().filter(|_| format == "json") {
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
    let (code, output, _) = run(command.args(["config", "--workers", "3"]));
    assert_eq!(code, 0);
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines.contains(&"web.keepalive_requests = 7  # foobar.toml:2"), "{output}");
    assert!(lines.contains(&"web.workers = \"3\"  # --workers"), "{output}");
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
async fn a_migration_that_began_and_did_not_end_is_listed_as_begun_and_told_of_when_it_is_tried_again() {
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
    assert_eq!(migrate("status").1, "begun    2026-01-01-000000_create_ledger\n");
    let (code, _, log) = migrate("run");
    assert!(code == 0 && log.contains("migration `2026-01-01-000000_create_ledger` had begun on 20"), "{log}");
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
fn sigterm_sigint_and_sigquit_finish_what_is_in_flight_and_exit_with_0() {
    for signal in ["TERM", "INT", "QUIT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Program::example("proving", folder.path());
        let program = Program::start(command.env("FOOBAR__WEB__WORKERS", "1"));
        let (mut client, mut idle) = (program.client(), program.client());
        assert_eq!(idle.get("/").text(), "proving");
        client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
        assert_eq!(client.interim("POST").status, 100, "the handler has the request");
        client.send("01234");
        program.signal(signal);
        assert!(idle.try_answer("GET").is_none(), "the only worker has begun its drain");
        client.send("56789");
        let answer = client.answer("POST");
        assert_eq!((answer.status, answer.text(), answer.header("connection")), (200, "10", Some("close")));
        let (status, log) = program.wait();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[test]
fn sighup_and_sigusr2_are_no_orders_to_die() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    program.signal("HUP");
    program.signal("USR2");
    assert_eq!(program.get("/").text(), "proving");
    program.signal("TERM");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("SIGHUP does nothing") && log.contains("SIGUSR2 does nothing"), "{log}");
}

#[test]
fn a_second_signal_stops_at_once_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    let mut client = program.client();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.interim("POST").status, 100, "the handler has the request");
    program.signal("TERM");
    program.until_ready(503);
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(3));
}

#[test]
fn a_drain_that_takes_too_long_is_cut_off_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", "300ms"));
    let mut client = program.client();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.interim("POST").status, 100, "the handler has the request");
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(3));
    assert!(client.try_answer("POST").is_none());
}

#[test]
fn during_shutdown_delay_readyz_says_503_and_new_connections_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__SERVER__SHUTDOWN_DELAY", "1h"));
    let mut kept = program.client();
    assert_eq!(kept.get("/").text(), "proving");
    program.signal("TERM");
    let readyz = program.until_ready(503);
    assert!(readyz.text().starts_with("server: not ready: it is stopping\n"), "{}", readyz.text());
    assert!(readyz.text().ends_with("web: ready\n"), "{}", readyz.text());
    assert_eq!(program.admin("/livez").status, 200);
    for client in [&mut kept, &mut program.client()] {
        let answer = client.get("/");
        assert_eq!((answer.text(), answer.header("connection")), ("proving", None));
    }
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(3));
}

#[test]
fn after_shutdown_delay_the_drain_has_its_own_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    command.env("FOOBAR__SERVER__SHUTDOWN_DELAY", "300ms").env("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", "1h");
    let program = Program::start(&mut command);
    let mut client = program.client();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.interim("POST").status, 100, "the handler has the request");
    program.signal("TERM");
    let refused = || std::net::TcpStream::connect(&program.address).is_err().then_some(());
    crate::support::until("nothing new is accepted", refused);
    client.send("0123456789");
    assert_eq!(client.answer("POST").status, 200);
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
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
fn a_socket_that_was_passed_on_and_is_not_used_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    // The shell knows the number that the program will have.
    let run = |listen: &str| {
        let mut shell = Command::new("sh");
        let foobar = Program::foobar(folder.path());
        shell.envs(foobar.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(folder.path());
        let program = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --root .";
        shell.args(["-c", program]).arg(foobar.get_program()).env("FOOBAR__WEB__LISTEN", listen);
        let program = Program::start(&mut shell);
        program.signal("TERM");
        program.wait().1
    };
    let log = run("127.0.0.1:0");
    assert!(log.contains("1 sockets were passed on (`LISTEN_FDS`) and are not used"), "{log}");
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

/// A start that hangs: the database's port accepts and never answers.
fn hanging(shutdown_timeout: &str, signals: usize) -> (Option<i32>, String) {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    command.env("FOOBAR__DATABASE__URL", format!("mysql://u@{}/d", silent.local_addr().unwrap()));
    command.env("FOOBAR__DATABASE__CONNECT_TIMEOUT", "1h").env("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", shutdown_timeout);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let _connected = silent.accept().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    for _ in 0..signals {
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        log.read_line(&mut text).unwrap();
    }
    log.read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code(), text)
}

#[test]
fn a_signal_during_the_start_waits_for_its_end_within_the_deadline() {
    let (code, log) = hanging("300ms", 1);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the start did not end within server.shutdown_timeout"), "{log}");
}

#[test]
fn a_second_signal_during_the_start_ends_it_at_once_with_0() {
    let (code, log) = hanging("1h", 2);
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn the_admin_listener_answers_livez_readyz_and_metrics_and_nobody_elses_name() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    assert_eq!(program.admin("/livez").text(), "alive\n");
    assert_eq!(program.admin("/readyz").text(), "database: ready\napp: ready\nweb: ready\n");
    program.get("/");
    let metrics = program.admin("/metrics");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let build = concat!("foobar_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n");
    assert!(metrics.text().contains(build), "{}", metrics.text());
    for tier in ["database", "app", "web"] {
        assert!(metrics.text().contains(&format!("foobar_ready{{tier=\"{tier}\"}} 1\n")), "{}", metrics.text());
    }
    let mut client = crate::support::Client::connect(&program.admin);
    client.send("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(client.answer("GET").status, 421);
}

#[test]
fn the_admin_listener_answers_to_the_names_that_it_is_given_by_get_head_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__ADMIN__SERVER_NAME", "web, *.internal, bücher"));
    let mut client = crate::support::Client::connect(&program.admin);
    let mut ask = |method: &str, host: &str, path: &str| {
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        client.answer(method)
    };
    for host in
        ["web:9180", "WEB.", "a.b.internal:1", "xn--bcher-kva", "127.0.0.1:9180", "[::1]", "localhost", "10.1.2.3"]
    {
        assert_eq!(ask("GET", host, "/livez").status, 200, "{host}");
    }
    for host in ["evil.example", "internal", "web.evil.example", "xweb", "localhost.evil.example"] {
        let refused = ask("GET", host, "/metrics");
        assert_eq!(refused.status, 421, "{host}");
        assert!(refused.text().contains("admin.server_name"), "{}", refused.text());
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        let whole = ask("GET", "web", path);
        let head = ask("HEAD", "web", path);
        assert_eq!((head.status, head.header("content-type")), (200, whole.header("content-type")), "{path}");
        for (method, status) in [("OPTIONS", 204), ("POST", 405)] {
            let answer = ask(method, "web", path);
            assert_eq!(
                (answer.status, answer.header("allow")),
                (status, Some("GET, HEAD, OPTIONS")),
                "{method} {path}"
            );
        }
    }
    assert_eq!((ask("OPTIONS", "web", "/").status, ask("GET", "web", "/").status), (404, 404));
}

#[test]
fn a_name_of_the_admin_listener_that_is_none_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for bad in ["", "web:9180", "http://web", "*"] {
        let text = format!("[admin]\nserver_name = [\n  \"web\",\n  \"{bad}\",\n]\n");
        std::fs::write(folder.path().join("foobar.toml"), text).unwrap();
        let (code, _, error) = run(Program::foobar(folder.path()).args(["check", "--root", "."]));
        assert_eq!(code, 2, "{error}");
        let place = format!("foobar.toml:4: `admin.server_name`: \"{bad}\" is not accepted: ");
        assert!(error.contains(&place) && error.contains("write \"foobar.com\""), "{error}");
    }
}

#[test]
fn an_admin_address_that_nobody_chose_gives_way_when_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let serve =
        || Program::start(Program::foobar(folder.path()).env_remove("FOOBAR__ADMIN__LISTEN").args(["--root", "."]));
    let (one, other) = (serve(), serve());
    assert_ne!(one.admin, other.admin);
    assert_eq!((one.admin("/livez").status, other.admin("/livez").status), (200, 200));
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

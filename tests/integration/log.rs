//! The program's own log where much happens at once: what repeats is counted, and nothing is missing in the sums. Then
//! where it goes, in which format, and what a program adds to it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::support::{PATIENCE, Program, until};

/// As many as a fault brings within a moment.
const REQUESTS: usize = 1500;

/// The example program with a log for machines.
fn start(folder: &Path) -> Program {
    let mut command = Program::example("proving", folder);
    command.env("FOOBAR__LOG__FORMAT", "json").env("FOOBAR__WEB__KEEPALIVE_REQUESTS", "1000000");
    Program::start(&mut command)
}

/// What the program logs while it answers to all of these at the same time, and how many times at most it has summed up;
/// `{}` is the number of the request.
fn log_of(paths: &[&str]) -> (Vec<Value>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let log = start(folder.path()).log_of(|program, _| {
        std::thread::scope(|scope| {
            for path in paths {
                scope.spawn(|| ask(program, path));
            }
        });
    });
    (log.iter().map(|line| parse(line)).collect(), begun.elapsed().as_secs() as usize + 2)
}

fn ask(program: &Program, path: &str) {
    let mut client = program.client();
    for number in 0..REQUESTS {
        client.get(&path.replace("{}", &number.to_string()));
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn tells_of(line: &Value, text: &str) -> bool {
    line["fields"].to_string().contains(text)
}

/// How many lines tell of this, and how many events they stand for.
fn count(log: &[Value], text: &str) -> (usize, usize) {
    let lines: Vec<_> = log.iter().filter(|line| tells_of(line, text)).collect();
    let events = lines.iter().map(|line| line["fields"]["repeated"].as_u64().unwrap_or(1)); // a line of its own
    (lines.len(), events.sum::<u64>() as usize)
}

#[test]
fn requests_that_fail_alike_are_summed_up_and_none_is_missing() {
    let (log, sums) = log_of(&["/unavailable", "/panic?{}"]);
    for (text, status) in [("the handler gave no reason", 503), ("a handler with a bug", 500)] {
        let (lines, events) = count(&log, text);
        assert_eq!(events, REQUESTS, "{text}");
        assert!(lines <= 6 * sums, "{lines} lines of {text}, summed up {sums} times");
        let alike = |line: &&Value| tells_of(line, text) && line["fields"]["status"] == status;
        assert_eq!(log.iter().filter(alike).count(), lines, "a sum has the values of its kind");
    }
}

#[test]
fn requests_that_each_fail_in_another_way_are_summed_up_too() {
    let (log, sums) = log_of(&["/broken/{}", "/broken/1{}"]);
    let (lines, events) = count(&log, "a request failed");
    assert_eq!(events, 2 * REQUESTS);
    assert!(lines <= 121 * sums, "{lines} lines, summed up {sums} times");
}

/// As text and as JSON, but for the time and the request's id.
#[test]
fn a_request_that_fails_is_logged_as_the_guide_shows_it() {
    let [text, json] = crate::support::guide::blocks("logs.md", "a_request_that_fails_is_logged_as_the_guide_shows_it")
        .try_into()
        .unwrap();
    let told = |format: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Program::example("proving", folder.path());
        let program = Program::start(command.env("FOOBAR__LOG__FORMAT", format));
        assert_eq!(program.get("/broken/1").status, 500);
        program.signal("TERM");
        let log = program.wait().1;
        log.lines().find(|line| line.contains("a request failed")).expect("it is logged").to_owned()
    };
    let shape = |line: &str| -> String {
        let words = line.split(' ').skip(1).map(|word| if word.starts_with("request=") { "request=" } else { word });
        words.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    assert_eq!(shape(&told("text")), shape(&text));
    let shape = |line: &str| {
        let mut line = parse(line);
        (line["timestamp"], line["fields"]["request"]) = (Value::Null, Value::Null);
        line
    };
    assert_eq!(shape(&told("json")), shape(&json));
}

#[test]
fn whatever_repeats_is_summed_up_whoever_tells_it() {
    let (log, sums) = log_of(&["/noise/{}", "/stray"]);
    for (text, level, target) in [
        ("told by tracing", "INFO", "proving"),
        ("told by log", "WARN", "proving"),
        ("a thread with a bug", "ERROR", "foobar::cli::serve"),
    ] {
        let (lines, events) = count(&log, text);
        assert_eq!(events, REQUESTS, "{text}");
        assert!(lines <= 6 * sums, "{lines} lines of {text}, summed up {sums} times");
        let mut told = log.iter().filter(|line| tells_of(line, text));
        assert!(told.all(|line| line["level"] == level && line["target"] == target), "{text}");
    }
}

#[test]
fn a_sum_comes_also_when_nothing_more_happens() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).log_of(|program, log| {
        let mut client = program.client();
        for _ in 0..100 {
            assert_eq!(client.get("/unavailable").status, 503);
        }
        let sum = |line: &Value| line["fields"]["repeated"].is_u64();
        while !sum(&parse(&log.recv_timeout(PATIENCE).expect("a sum"))) {}
    });
}

/// The binary `foobar` with a folder to serve.
fn foobar(folder: &Path) -> Command {
    let mut command = Program::foobar(folder);
    command.args(["--root", "."]);
    command
}

/// The example program with a subscriber or layer of its own.
fn logging(choice: &str, folder: &Path) -> Command {
    let mut command = Program::example("logging", folder);
    command.env("LOGGING_AS", choice);
    command
}

#[test]
fn with_the_log_in_json_all_that_goes_to_its_output_is_json_also_the_addresses() {
    for output in ["stderr", "stdout"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = foobar(folder.path());
        let program = Program::start(command.env("FOOBAR__LOG__FORMAT", "json").env("FOOBAR__LOG__OUTPUT", output));
        let banner: Vec<_> = program.banner.iter().filter(|line| !line.contains("runs as root")).collect();
        for line in &banner {
            assert_eq!(parse(line)["level"], "INFO", "{line}");
        }
        assert!(tells_of(&parse(banner[0]), "listening on   http://"));
        program.signal("TERM");
        let (status, rest) = program.wait_for(output);
        assert!(status.success());
        assert!(rest.lines().any(|line| tells_of(&parse(line), "stopped")), "{rest}");
    }
}

/// `script` runs it at a terminal.
#[test]
fn at_a_terminal_the_log_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let of_the_program = foobar(folder.path());
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{} --root .", of_the_program.get_program().display()), "/dev/null"]);
    command.current_dir(folder.path()).env("FOOBAR__WEB__LISTEN", "nowhere").stdin(Stdio::null());
    let output = command.output().expect("`script` of util-linux is installed");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{printed}");
    assert!(printed.contains("error: FOOBAR__WEB__LISTEN: `web.listen`") && !printed.contains('\u{1b}'), "{printed}");
}

#[test]
fn with_the_log_in_json_a_start_that_fails_is_told_in_json() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (variable, value, code, words) in [
        ("FOOBAR__WEB__LISTEN", address.as_str(), 1, "in use"),
        ("FOOBAR__WEB__LISTEN", "nowhere", 2, "web.listen"),
        ("FOOBAR__WEB__WORKERS", "many", 2, "web.workers"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = foobar(folder.path()).env("FOOBAR__LOG__FORMAT", "json").env(variable, value).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let log = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<Value> = log.lines().map(parse).collect();
        assert!(lines.iter().any(|line| line["level"] == "ERROR" && tells_of(line, words)), "{log}");
    }
}

#[test]
fn the_log_may_be_a_file_which_is_opened_anew_on_sigusr1() {
    let folder = tempfile::tempdir().unwrap();
    let (log, moved) = (folder.path().join("app.log"), folder.path().join("app.log.1"));
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__LOG__OUTPUT", "app.log"));
    let is_told = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.contains("told by tracing"));
    program.get("/noise/1");
    until("the first line is written", || is_told(&log).then_some(()));
    fs::rename(&log, &moved).unwrap();
    program.signal("USR1");
    until("there is a new file", || log.exists().then_some(()));
    fs::remove_file(&moved).unwrap();
    program.get("/noise/2");
    until("the second line is written", || is_told(&log).then_some(()));
    program.signal("TERM");
    let (status, printed) = program.wait();
    assert_eq!((status.code(), printed.as_str()), (Some(0), ""), "nothing of it is on standard error");
    assert!(fs::read_to_string(&log).unwrap().contains("stopped"));
}

#[test]
fn a_start_that_fails_is_told_on_standard_error_and_in_the_file_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let output = foobar(folder.path())
        .env("FOOBAR__LOG__OUTPUT", "app.log")
        .env("FOOBAR__WEB__LISTEN", "nowhere")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.starts_with("error: ") && printed.contains("web.listen"), "{printed}");
    let log = fs::read_to_string(folder.path().join("app.log")).unwrap();
    assert!(log.contains("ERROR") && log.contains("web.listen"), "{log}");
}

#[test]
fn a_failed_start_is_told_though_the_log_is_json_and_its_filter_drops_errors() {
    let folder = tempfile::tempdir().unwrap();
    for filter in ["off", "foobar_web=info"] {
        let output = foobar(folder.path())
            .env("FOOBAR__LOG__FORMAT", "json")
            .env("FOOBAR__LOG__FILTER", filter)
            .env("FOOBAR__WEB__LISTEN", "nowhere")
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(printed.contains("web.listen"), "{filter}: {printed:?}");
    }
}

#[test]
fn a_check_makes_no_file_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = foobar(folder.path());
    let checked = command.args(["check", "--root", "."]).env("FOOBAR__LOG__OUTPUT", "app.log").output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(!folder.path().join("app.log").exists());
}

#[test]
fn an_output_of_the_log_that_cannot_be_opened_or_is_none_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (value, words) in [
        ("nowhere/app.log", "`log.output`: cannot open nowhere/app.log: No such file or directory"),
        ("off", "`log.output`: \"off\" is not accepted: write \"stderr\", \"stdout\" or the path of a file"),
    ] {
        fs::write(folder.path().join("foobar.toml"), format!("[log]\noutput = \"{value}\"\n")).unwrap();
        for command in ["serve", "check"] {
            let output = foobar(folder.path()).arg(command).output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{command}: {error}");
            assert!(error.starts_with("error: foobar.toml:2: ") && error.contains(words), "{command}: {error}");
        }
    }
}

#[test]
fn a_subscriber_that_the_program_has_installed_is_used_and_that_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut logging("subscriber", folder.path()));
    assert_eq!(program.get("/").text(), "told");
    program.signal("TERM");
    let (status, log) = program.wait();
    assert!(status.success(), "{log}");
    let said = " INFO the tracing subscriber that the program has installed is used; `[log]` has no effect";
    assert_eq!(log.lines().filter(|line| *line == said).count(), 1, "{log}");
    assert!(log.lines().any(|line| line == " INFO told by a handler"), "{log}");
}

#[test]
fn settings_of_the_log_that_have_no_effect_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(logging("subscriber", folder.path()).env("FOOBAR__LOG__FILTER", "debug"));
    program.signal("TERM");
    let (_, log) = program.wait();
    assert!(log.contains(" WARN the tracing subscriber that the program has installed is used"), "{log}");
}

#[test]
fn a_layer_of_the_program_is_told_of_each_event_beside_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(&mut logging("layer", folder.path()));
    assert_eq!(program.get("/").text(), "told");
    while program.line() != "the layer has seen: told by a handler" {}
    program.signal("TERM");
    let (status, log) = program.wait();
    assert!(status.success() && log.contains("INFO logging: told by a handler"), "{log}");
}

/// What a start prints and fails with, on an address that it cannot have.
fn failed(choice: &str, folder: &Path, variable: (&str, &str)) -> (String, String) {
    let output = logging(choice, folder).env(variable.0, variable.1).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert!(!output.status.success());
    (text(output.stdout), text(output.stderr))
}

#[test]
fn a_failed_start_is_an_event_for_a_subscriber_and_for_layers_and_is_printed_once() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (variable, words) in [
        (("FOOBAR__WEB__LISTEN", taken.as_str()), "another program listens there"),
        (("FOOBAR__WEB__LISTEN", "nowhere"), "`web.listen`"),
        (("FOOBAR__WEB__WORKERS", "many"), "`web.workers`"),
        (("FOOBAR__NOBODYS", "1"), "unknown key"),
    ] {
        let (_, error) = failed("subscriber", folder.path(), variable);
        let told = |begin: &str| error.lines().filter(|line| line.starts_with(begin) && line.contains(words)).count();
        assert_eq!((told("error: "), told("ERROR ")), (1, 1), "{error}");
    }
    let (output, error) = failed("layer", folder.path(), ("FOOBAR__WEB__LISTEN", &taken));
    assert!(output.lines().any(|line| line.starts_with("the layer has seen: ") && line.contains(&taken)), "{output}");
    assert_eq!(error.matches(&taken).count(), 1, "{error}");
}

#[test]
fn what_is_logged_after_the_server_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    for output in ["stderr", "app.log"] {
        let program = Program::start(logging("none", folder.path()).env("FOOBAR__LOG__OUTPUT", output));
        program.signal("TERM");
        let (status, printed) = program.wait();
        let log = if output == "stderr" { printed } else { fs::read_to_string(folder.path().join(output)).unwrap() };
        assert!(status.success() && log.trim_end().ends_with("told after the server"), "{log}");
    }
}

#[test]
fn a_log_in_the_place_of_the_access_log_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let warned = |log: &str, access_log: &str| {
        let mut command = foobar(folder.path());
        command.env("FOOBAR__LOG__OUTPUT", log).env("FOOBAR__WEB__ACCESS_LOG", access_log);
        let output = command.args(["check", "--root", "."]).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    for (log, access_log) in [("stdout", "stdout"), ("one.log", "one.log"), ("./one.log", "one.log")] {
        let warning = warned(log, access_log);
        assert!(warning.starts_with("warning: FOOBAR__LOG__OUTPUT: `log.output`: the access log"), "{warning}");
    }
    for (log, access_log) in [("stderr", "stdout"), ("stdout", "off"), ("one.log", "two.log")] {
        assert_eq!(warned(log, access_log), "");
    }
    let program = Program::start(
        logging("none", folder.path()).env("FOOBAR__WEB__ACCESS_LOG", "one.log").env("FOOBAR__LOG__OUTPUT", "one.log"),
    );
    program.signal("TERM");
    program.wait();
    let log = fs::read_to_string(folder.path().join("one.log")).unwrap();
    assert_eq!(log.matches("`log.output`: the access log").count(), 1, "{log}");
}

#[test]
fn a_layer_beside_a_subscriber_of_the_program_is_refused_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = logging("both", folder.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("error: the program has installed a tracing subscriber of its own, so there is none"),
        "{error}"
    );
    assert!(error.contains("add them to that subscriber"), "{error}");
}

#[test]
fn a_second_subscriber_is_an_error_that_says_where_to_install_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = logging("late", folder.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("`Server::run` has installed its own: install yours before it"), "{error}");
}

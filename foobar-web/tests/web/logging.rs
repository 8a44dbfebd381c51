//! The access log: one line for each request, whatever became of it.

use std::io::{self, Read, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foobar_core::{BoxError, Handler, LocalBoxFuture, MakeHandler, Request, Response, handler_fn};
use foobar_web::{Blocking, DirEntry, FileSource, FileSources, Node, Page, Web};

use crate::drain::gated;
use crate::responses::pieces;
use crate::support::{Server, answer, log_of, settings};

/// The lines that these conversations leave, without their times; the server is drained first.
fn lines(format: &str, talk: impl FnOnce(&Server)) -> Vec<String> {
    let log = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let path = log.path().display();
    let server = Server::start(&format!(
        "[web]\naccess_log = '{path}'\nlog_format = '{format}'\nclient_header_timeout = '200ms'\n\
         max_request_line = '1KiB'\nclient_max_body_size = '10'\n"
    ));
    talk(&server);
    server.drain_at_leisure();
    let text = log_of(&server, log.path());
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_combined_line_is_exact() {
    let lines = lines("combined", |server| {
        let mut client = server.connect();
        client.send("GET /a?b HTTP/1.1\r\nHost: a\r\nReferer: http://x/\r\nUser-Agent: test \"1\"\r\n\r\n");
        client.answer();
    });
    let [line] = &lines[..] else { panic!("one line: {lines:?}") };
    let (start, rest) = line.split_once('[').expect("a time");
    let (time, rest) = rest.split_once(']').expect("a time");
    assert_eq!(start, "127.0.0.1 - - ");
    assert_eq!((time.len(), &time[20..]), (26, " +0000"));
    assert_eq!(rest, " \"GET /a?b HTTP/1.1\" 200 8 \"http://x/\" \"test \\x221\\x22\"");
}

#[test]
fn refused_and_slow_requests_have_their_line_too() {
    let lines = lines("combined", |server| {
        server.talk("GET  /bad HTTP/1.1\r\nHost: a\r\n\r\n");
        server.talk("\x16\x03\x01\x02");
        server.talk(format!("GET /{} HTTP/1.1\r\n", "a".repeat(2000)));
        server.talk(format!("GET /many HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101)));
        server.talk("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
        server.connect().dribble(server, b"GET /slow HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        server.talk("GET /host HTTP/1.1\r\nHost: a b\r\n\r\n");
    });
    let requests: Vec<_> = lines.iter().map(|line| line.split("] ").nth(1).expect("a request").to_owned()).collect();
    let starts = [
        "\"GET  /bad HTTP/1.1\" 400 ",
        "\"\\x16\\x03\\x01\\x02\" 400 ",
        "\"GET /aaa",
        "\"GET /many HTTP/1.1\" 431 ",
        "\"POST /large HTTP/1.1\" 413 ",
        "\"GET /slow HTTP/1.1\" 408 ",
        "\"GET /host HTTP/1.1\" 400 ",
    ];
    assert_eq!(requests.len(), starts.len(), "{requests:?}");
    for (request, start) in requests.iter().zip(starts) {
        assert!(request.starts_with(start), "{request}");
    }
    assert!(requests[2].contains("\" 414 "), "{requests:?}");
}

#[test]
fn the_values_of_parameters_that_are_secret_are_in_no_line() {
    let request = |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n{more}\r\n");
    for format in ["combined", "json"] {
        let lines = lines(format, |server| {
            let mut client = server.connect();
            client.send(request("/a?token=S3CRET&b=2", "Referer: http://x/y?c=1&Reset_Password=S3CRET\r\n"));
            client.answer();
            client.send(request("http://a/a?api_key=S3CRET", ""));
            client.answer();
            server.talk("GET  /a?code=S3CRET HTTP/1.1\r\nHost: a\r\n\r\n");
            server.talk(request("/a?token=S3CRET", "Content-Length: 11\r\n"));
            server.talk(request("/login/https%3A%2F%2Fx%2F%3FaccessToken%3DS3CRET", "Connection: close\r\n"));
            server.talk(request("/a?postcode=12345&barcode=4711", "Connection: close\r\n"));
        });
        let text = lines.join("\n");
        assert!(lines.len() == 6 && !text.contains("S3CRET"), "{text}");
        for shown in [
            "/a?token=[FILTERED]&b=2 ",
            "http://x/y?c=1&Reset_Password=[FILTERED]\"",
            "?code=[FILTERED] HTTP",
            "%3FaccessToken%3D[FILTERED] HTTP",
            "/a?postcode=12345&barcode=4711 HTTP",
        ] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
    }
}

#[test]
fn what_is_hidden_in_lines_is_up_to_the_configuration() {
    let log = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let with = |hide: &str| format!("[web]\naccess_log = {:?}\naccess_log_hide = {hide}\n", log.path());
    let server = Server::start(&with("['pin']"));
    server.talk("GET /a?pin=1234&token=shown HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    server.reload(&with("[]")).unwrap();
    server.talk("GET /a?pin=5678 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    server.drain_at_leisure();
    let text = log_of(&server, log.path());
    assert!(text.contains("/a?pin=[FILTERED]&token=shown ") && text.contains("/a?pin=5678 "), "{text}");
    for (word, told) in [
        ("", "\"\" has neither letters nor figures"),
        ("_", "\"_\" has neither letters nor figures"),
        ("token=", "\"token=\" is in no name of a parameter"),
        ("?token", "\"?token\" is in no name of a parameter"),
        ("user%5Bpin%5D", "\"user%5Bpin%5D\" is in no name of a parameter"),
    ] {
        let (web, sites) = settings(&format!("[web]\naccess_log_hide = ['{word}']\n"));
        let error = Web::new(&web, &sites, None).err().expect("it is refused").to_string();
        assert!(error.starts_with(&format!("`web.access_log_hide`: {told}")), "{error}");
    }
}

#[test]
fn a_target_in_raw_utf_8_is_logged_encoded() {
    let lines = lines("combined", |server| {
        let mut client = server.connect();
        assert_eq!(client.get("/é\"<?日>\\").status(), 200);
    });
    assert!(lines[0].contains("] \"GET /%C3%A9%22%3C?%E6%97%A5%3E\\x5C HTTP/1.1\" 200 "), "{lines:?}");
}

#[test]
fn a_client_that_goes_before_its_answer_is_logged_with_499() {
    let lines = lines("combined", |server| {
        let mut client = server.connect();
        client.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(server.connect().get("/other").status(), 200);
        drop(client);
    });
    assert!(lines.iter().any(|line| line.contains("\"GET /never HTTP/1.1\" 499 0 ")), "{lines:?}");
}

#[test]
fn a_json_line_has_the_duration_and_the_request_id() {
    let mut id = String::new();
    let lines = lines("json", |server| {
        id = server.connect().get("/a").header("x-request-id").expect("an id").to_owned();
    });
    let [line] = &lines[..] else { panic!("one line: {lines:?}") };
    assert!(line.contains(&format!("\"request_id\":\"{id}\",\"remote\":\"127.0.0.1\",\"host\":\"a\"")), "{line}");
    assert!(line.contains("\"request\":\"GET /a HTTP/1.1\",\"status\":200,\"bytes\":6,\"duration\":0."), "{line}");
}

#[test]
fn a_head_request_sends_no_bytes() {
    let lines = lines("combined", |server| {
        let text = server.talk("HEAD /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(text.contains("content-length: 7\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    });
    assert!(lines[0].contains("\"HEAD /a HTTP/1.1\" 200 0 "), "{lines:?}");
}

#[test]
fn what_is_no_file_elsewhere_is_none_here() {
    for target in ["syslog:server=unix:/dev/log,nohostname", "SYSLOG:", "syslog", "memory:32m", "journald", "stderr"] {
        let (web, sites) = settings(&format!("[web]\naccess_log = '{target}'\n"));
        let error = Web::new(&web, &sites, None).err().expect(target).to_string();
        let expected =
            format!("`web.access_log`: {target:?} is not accepted; write \"stdout\", \"off\" or the path of a file");
        assert_eq!(error, expected);
        assert!(!Path::new(target).exists(), "{target}");
    }
}

#[test]
fn after_the_file_was_moved_away_lines_go_to_a_new_one() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let (log, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let server = Server::start(&format!("[web]\naccess_log = '{}'\n", log.display()));
    std::fs::rename(&log, &moved).expect("the file is there");
    server.connect().get("/after");
    server.drain_at_leisure();
    let text = log_of(&server, &log);
    assert!(text.contains("GET /after"), "{text}");
    assert_eq!(std::fs::read_to_string(&moved).expect("it is still there"), "");
}

/// The application of these tests, on threads whose events are kept.
#[derive(Clone, Default)]
struct Overheard(Arc<Mutex<Vec<u8>>>);

impl MakeHandler for Overheard {
    fn make(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Handler>, BoxError>> {
        Box::pin(async { Ok(Rc::new(handler_fn(answer_or_point)) as Rc<dyn Handler>) })
    }

    fn block_on(&self, worker: LocalBoxFuture<'static, ()>) -> io::Result<()> {
        self.listen_to(|| handler_fn(answer).block_on(worker))
    }
}

/// [`answer`], or [`pieces`], or the file that a query names.
async fn answer_or_point(request: Request) -> Response {
    if request.uri().path() == "/pieces" {
        return pieces(request).await;
    }
    let file = request.uri().query().and_then(|query| query.strip_prefix("file=")).map(str::to_owned);
    let mut response = answer(request).await;
    let file = file.map(|file| ("x-accel-redirect", file.parse().expect("it is a value")));
    file.into_iter().for_each(|(name, file)| _ = response.headers_mut().insert(name, file));
    response
}

impl Overheard {
    fn listen_to<T>(&self, work: impl FnOnce() -> T) -> T {
        let events = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || events.clone()).finish();
        // Without one for all threads, an event that another thread meets first is off for this one too.
        _ = tracing::subscriber::set_global_default(tracing_subscriber::registry()); // it is there already
        tracing::subscriber::with_default(subscriber, work)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panics here").clone()).expect("events are text")
    }
}

impl Write for Overheard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics here").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_fault_of_the_handler_is_logged_with_the_request_it_belongs_to() {
    let events = Overheard::default();
    let server = Server::with("", Some(Arc::new(events.clone())));
    let id = server.connect().get("/panic?secret").header("x-request-id").expect("an id").to_owned();
    let events = events.text();
    let expected = format!("panicked: a handler panics, as this test wants request={id} path=\"/panic\"\n");
    assert!(events.contains("ERROR") && events.ends_with(&expected), "{events}");
}

#[test]
fn a_body_that_is_not_as_long_as_its_head_says_is_logged_once() {
    for (length, comparison) in [(9, "longer"), (11, "shorter")] {
        let events = Overheard::default();
        let server = Server::with("", Some(Arc::new(events.clone())));
        let mut client = server.connect();
        client.send(format!("GET /pieces?{length} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let end = client.stream.read_to_end(&mut Vec::new());
        let events = events.text();
        let message = format!("is {comparison} than its Content-Length says; it is cut off");
        assert!(end.is_err() && events.matches(&message).count() == 1, "{events}");
    }
}

#[test]
fn a_file_that_the_application_names_is_not_warned_of_where_it_is_not_there_and_an_error_where_none_can_be() {
    let (folder, events) = (tempfile::tempdir().expect("the temporary folder is writable"), Overheard::default());
    let toml = format!("[sites.a.routes.'/files/']\nfiles = '{}'\ninternal = true\n", folder.path().display());
    let server = Server::with(&toml, Some(Arc::new(events.clone())));
    assert_eq!(server.connect().get("/?file=/files/none").status(), 404);
    assert!(!events.text().contains("/files/none"), "{}", events.text());
    assert_eq!(server.connect().get("/?file=/else/%zz").status(), 500);
    let events = events.text();
    let line = events.lines().last().expect("there is an event");
    assert!(line.contains("ERROR ") && line.contains("target=\"/else/%zz\""), "{events}");
}

/// Files that nobody may read.
struct Closed;

impl FileSource for Closed {
    fn open(&self, _path: &Path, _wait: Blocking) -> io::Result<Option<Node>> {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "the owner alone may read it"))
    }

    fn list(&self, _path: &Path, _page: &Page<'_>) -> io::Result<Option<Vec<DirEntry>>> {
        Ok(None)
    }
}

#[test]
fn a_file_that_may_not_be_read_is_403_and_a_minute_has_ten_lines_with_path_and_reason_at_most() {
    let events = Overheard::default();
    let (web, sites) = settings("[sites.a]\nroot = 'embed:closed'\ntry_files = ['file', '=404']\n");
    let mut sources = FileSources::default();
    sources.add("closed", Closed);
    let server =
        Server::of(Web::with_files(&web, &sites, &sources, Some(Arc::new(events.clone()))).expect("they are good"));
    for path in ["/a.txt", "/a.txt", "/caf%e9"].into_iter().map(str::to_owned).chain((0..20).map(|n| format!("/{n}"))) {
        assert_eq!(server.connect().get(&path).status(), 403, "{path}");
    }
    let events = events.text();
    let lines: Vec<&str> = events.lines().filter(|line| line.contains("a file is not served")).collect();
    assert_eq!(lines.len(), 10, "{events}");
    let reason = "reason=the owner alone may read it";
    assert!(
        lines[0].contains(" WARN ") && lines[0].contains("path=\"/a.txt\"") && lines[0].contains(reason),
        "{events}"
    );
    assert!(lines[1].contains("path=\"/caf\u{fffd}\"") && lines[1].contains("left_out=1"), "{events}");
}

#[test]
fn a_drain_says_how_many_connections_it_waits_for_and_how_long() {
    let events = Overheard::default();
    let (app, arrivals, _gate) = gated();
    let server = Server::with("", Some(app));
    let mut waiting = server.connect();
    waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    arrivals.recv().expect("the request arrives");
    events.listen_to(|| server.drain(Duration::from_secs(3)));
    let text = events.text();
    let line = text.lines().find(|line| line.contains("waiting for connections to finish, at most ")).expect(&text);
    assert!(line.contains("INFO") && line.contains("connections=1"), "{line}");
}

#[test]
fn a_log_that_takes_no_lines_does_not_hold_a_drain_up() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let _unread = std::fs::File::options().read(true).write(true).open(&pipe).expect("it is a pipe");
    let server = Server::start(&format!("[web]\naccess_log = '{}'\n", pipe.display()));
    let mut client = server.connect();
    for _ in 0..100 {
        client.get(&format!("/{}", "x".repeat(4000))); // a pipe holds 64 KiB
    }
    drop(client);
    let events = Overheard::default();
    events.listen_to(|| server.drain_at_leisure());
    let text = events.text();
    assert!(text.contains("the access log takes no more lines") && !text.contains("does not yield"), "{text}");
}

//! Requests that the fast path answers, and the same by the pipeline: what is sent, logged and counted is the same on both ways.

use std::fs::{File, Metadata};
use std::io::Read;
use std::net::Shutdown;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use foobar_core::handler_fn;
use tempfile::TempDir;

use crate::support::{Server, answer, answers, log_of, status, wait_until};

const LONG_AGO: SystemTime = SystemTime::UNIX_EPOCH;

/// A folder with files, and a server for it without an application.
fn site(more: &str) -> (TempDir, Server) {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let write = |name: &str, content: &[u8]| {
        std::fs::write(folder.path().join(name), content).expect("it is writable");
        let file = File::options().write(true).open(folder.path().join(name));
        file.and_then(|file| file.set_modified(LONG_AGO)).expect("the file is ours");
    };
    std::fs::create_dir(folder.path().join("sub")).expect("the folder is writable");
    write("index.html", b"<h1>index</h1>");
    write("a.txt", b"0123456789");
    write("a b.txt", b"blank");
    write("empty.txt", b"");
    write("10k.txt", &b"0123456789".repeat(1 << 10));
    write("large.bin", &large());
    write("sub/index.html", b"sub");
    let root = folder.path().display();
    let server = Server::with(
        &format!(
            "{more}\n[sites.a]\nserver_name = ['a', 'b']\ndefault = true\nroot = '{root}'\ntry_files = ['file', 'index']\n\
             cache_control = ['.txt 1h']\n\
             [sites.a.routes.'/respond']\nrespond = 418\nbody = 'short'\n\
             [sites.a.routes.'/nothing']\nrespond = 200\n\
             [sites.a.routes]\n'/redirect'.redirect = 'https://foobar.com/'\n'/none' = {{ respond = 204, body = 'x' }}\n\
             '/reset'.respond = 205\n'/same'.respond = 304\n'/down'.respond = 503\n\
             '/beacon/' = {{ files = '{root}', try_files = ['file', '=204'] }}\n"
        ),
        None,
    );
    (folder, server)
}

/// More than is kept in memory.
fn large() -> Vec<u8> {
    (0..3_u32 << 20).map(|index| (index % 251) as u8).collect()
}

/// How many requests the fast path has answered.
fn at_once(server: &Server) -> u64 {
    server.figure("answered_at_once_total")
}

/// Sends a request on a connection of its own and reads all that comes.
fn exchange(server: &Server, request: &str) -> Vec<u8> {
    let mut client = server.connect();
    client.send(request);
    client.stream.get_ref().shutdown(Shutdown::Write).expect("it is open");
    let mut answer = Vec::new();
    client.stream.read_to_end(&mut answer).expect("the server answers and closes");
    answer
}

/// Without what differs from answer to answer: the request's id, the dates and the boundary between ranges.
fn comparable(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer).into_owned();
    let mut comparable = text.clone();
    for name in ["\r\nx-request-id: ", "boundary=", "\r\ndate: ", "\r\nexpires: "] {
        let Some(value) = text.split_once(name).and_then(|(_, rest)| rest.split("\r\n").next()) else { continue };
        let is_date = value.ends_with("GMT"); // `Last-Modified` may have the same one
        let (volatile, stays) = if is_date { (format!("{name}{value}"), name) } else { (value.to_owned(), "") };
        comparable = comparable.replace(&volatile, &format!("{stays}*"));
    }
    comparable
}

#[test]
fn an_answer_is_the_same_on_both_ways() {
    let (_folder, server) = site("");
    let first = server.connect().get("/a.txt");
    let tag = first.header("etag").expect("a file has a tag").to_owned();
    let lines = [
        ("GET", "HTTP/1.1\r\nHost: a"),
        ("HEAD", "HTTP/1.1\r\nHost: a:80"),
        ("GET", "HTTP/1.1\r\nHost: B.\r\nConnection: close"),
        ("GET", "HTTP/1.1\r\nHost: unknown\r\nConnection: Keep-Alive"),
        ("GET", "HTTP/1.0"),
        ("GET", "HTTP/1.0\r\nHost: a\r\nConnection: keep-alive"),
    ];
    let paths = [
        "/",
        "/a.txt",
        "/a.txt?b=c",
        "/a%20b.txt",
        "/empty.txt",
        "/10k.txt",
        "/large.bin",
        "/sub",
        "/sub?x",
        "/sub/",
        "/no",
        "/.git",
        "//a.txt",
        "/sub/../a.txt",
        "/a.txt/",
        "/respond",
        "/nothing",
        "/redirect",
        "/none",
        "/reset",
        "/same",
        "/down",
        "/beacon/a.txt",
        "/beacon/no",
        "/%zz",
        "/..",
    ];
    let fields = [
        String::new(),
        format!("If-None-Match: {tag}\r\n"),
        "If-Match: \"other\"\r\n".to_owned(),
        "If-Modified-Since: Fri, 20 Nov 2099 00:00:00 GMT\r\n".to_owned(),
        "Range: bytes=2-4\r\n".to_owned(),
        "Range: bytes=0-0,-1\r\n".to_owned(),
        "Range: bytes=99999999-\r\n".to_owned(),
        "Accept: text/html,*/*;q=0.8\r\n".to_owned(),
        "Accept: application/json\r\n".to_owned(),
    ];
    let mut compared = 0;
    for ((method, line), path, field) in lines
        .iter()
        .flat_map(|line| paths.iter().map(move |path| (line, path)))
        .flat_map(|(line, path)| fields.iter().map(move |field| (line, path, field)))
    {
        if *path == "/large.bin" && *line != lines[0].1 {
            continue;
        }
        let request = |agents: &str| format!("{method} {path} {line}\r\n{field}{agents}\r\n");
        let plain = request("User-Agent: x\r\n");
        // A field that comes twice is left to the pipeline.
        let twice = request("User-Agent: x\r\nUser-Agent: x\r\n");
        let (here, there) = (exchange(&server, &plain), exchange(&server, &twice));
        assert_eq!(comparable(&here), comparable(&there), "{plain}");
        compared += 1;
    }
    let not_here = lines.len() * fields.len() * 2; // bad paths
    assert!(at_once(&server) >= (compared - not_here - 50) as u64, "{compared} {}", server.metrics());
}

#[test]
fn a_line_of_the_log_is_the_same_on_both_ways() {
    for format in ["combined", "json"] {
        let log = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
        let (_folder, server) =
            site(&format!("[web]\naccess_log = '{}'\nlog_format = '{format}'\n", log.path().display()));
        let fields = "Host: a\r\nReferer: http://b/\"\u{e9}\r\n";
        for request in ["GET /a.txt?b HTTP/1.1", "HEAD /a.txt HTTP/1.0", "GET /no HTTP/1.1", "GET /large.bin HTTP/1.1"]
        {
            exchange(&server, &format!("{request}\r\n{fields}User-Agent: x\r\n\r\n"));
            exchange(&server, &format!("{request}\r\n{fields}User-Agent: x\r\n\r\n"));
            exchange(&server, &format!("{request}\r\n{fields}User-Agent: x\r\nUser-Agent: x\r\n\r\n"));
        }
        assert!(at_once(&server) >= 4);
        server.drain_at_leisure();
        let text = log_of(&server, log.path());
        let lines: Vec<_> = text.lines().map(without_time).collect();
        assert_eq!(lines.len(), 12, "{text}");
        for same in lines.chunks(3) {
            assert_eq!((&same[1], &same[0]), (&same[2], &same[2]));
        }
        assert!(lines[9].contains("\"GET /large.bin HTTP/1.1\""), "{text}");
    }
}

/// A line without its time, its duration and its id.
fn without_time(line: &str) -> String {
    let cut = |line: &str, from: &str, to: &str| match line.split_once(from) {
        Some((start, rest)) => format!("{start}{}", rest.split_once(to).expect("it ends").1),
        None => line.to_owned(),
    };
    let line = cut(line, " [", "] ");
    let line = cut(&line, "\"time\":\"", "\",");
    let line = cut(&line, "\"request_id\":\"", "\",");
    cut(&line, "\"duration\":", ",")
}

#[test]
fn pipelined_requests_are_answered_in_order_on_both_ways() {
    let (_folder, server) = site("");
    let mut client = server.connect();
    let request = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n");
    let twice = "User-Agent: x\r\nUser-Agent: x\r\n";
    let batch: String = (0..20)
        .map(|turn| {
            [request("/a.txt", if turn % 3 == 0 { twice } else { "" }), request("/sub/", ""), request("/large.bin", "")]
                .concat()
        })
        .collect();
    client.send(batch + &request("/no", "Connection: close\r\n"));
    for _ in 0..20 {
        assert_eq!(client.answer().body, "0123456789");
        assert_eq!(client.answer().body, "sub");
        assert_eq!(client.answer().header("content-length"), Some("3145728"));
    }
    assert_eq!(status(&client.rest()), 404);
}

#[test]
fn a_head_may_come_in_any_pieces() {
    let (_folder, server) = site("");
    let mut client = server.connect();
    assert_eq!(client.get("/a.txt").status(), 200);
    let request = b"\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nGET /sub/ HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in 0..request.len() {
        client.send(&request[..cut]);
        client.stream.get_ref().set_nodelay(true).expect("it is a socket");
        client.send(&request[cut..]);
        assert_eq!((client.answer().body.as_str(), client.answer().body.as_str()), ("0123456789", "sub"), "{cut}");
    }
}

#[test]
fn the_last_request_of_a_connection_closes_it() {
    let (_folder, server) = site("[web]\nkeepalive_requests = 3\n");
    let text = server.talk("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5));
    assert_eq!(answers(&text), 3, "{text}");
    assert_eq!(text.matches("connection: close").count(), 1, "{text}");
    assert!(text.ends_with("0123456789"), "{text}");
}

/// As long as a file counts as being written to.
const YOUNG: Duration = Duration::from_secs(2);

/// The time since a file was changed, by the clock that the system stamps files with.
fn age(file: &Path) -> Duration {
    let changed = |metadata: Metadata| Duration::new(metadata.ctime() as u64, metadata.ctime_nsec() as u32);
    let now = tempfile::tempfile().and_then(|file| file.metadata()).expect("the temporary folder is writable");
    changed(now).saturating_sub(changed(file.metadata().expect("it is there")))
}

#[test]
fn a_large_file_comes_whole_also_to_a_client_that_reads_slowly() {
    let (folder, server) = site("");
    // A file that has changed within 2 s is read; the system sends an older one by itself.
    for settled in [false, true] {
        wait_until("nobody may be writing to it", || !settled || age(&folder.path().join("large.bin")) > YOUNG);
        let mut client = server.connect();
        client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        let mut piece = vec![0; 10_007];
        loop {
            let read = client.stream.get_mut().read(&mut piece).expect("the server answers");
            if read == 0 {
                break;
            }
            answer.extend_from_slice(&piece[..read]);
            std::thread::yield_now();
        }
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head has an end");
        assert!(answer[head + 4..] == large(), "{} bytes", answer.len() - head - 4);
    }
    assert!(at_once(&server) > 0);
}

#[test]
fn a_file_that_became_shorter_ends_the_connection() {
    let (folder, server) = site("[web]\nfile_cache_valid = '1h'\nfile_cache_watch = false\n");
    let request = "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(server.connect().get("/large.bin").status(), 200);
    let file = File::options().write(true).open(folder.path().join("large.bin")).expect("it is there");
    file.set_len(1 << 20).expect("it is writable");
    let mut client = server.connect();
    client.send(request);
    let mut answer = Vec::new();
    let ended = client.stream.read_to_end(&mut answer);
    assert!(ended.is_err() || answer.len() < 2 << 20, "the connection ends: {} bytes", answer.len());
    assert!(answer.len() <= (1 << 20) + 1024, "nothing is made up: {} bytes", answer.len());
}

#[test]
fn one_address_has_no_more_connections_than_connections_per_address() {
    let (_folder, server) = site("[web]\nconnections_per_address = 2\n");
    let mut held = [server.connect(), server.connect()];
    held.iter_mut().for_each(|client| assert_eq!(client.get("/a.txt").status(), 200));
    assert_eq!(server.talk("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n"), "");
    assert!(
        server.metrics().contains("foobar_web_connections_turned_away_total{reason=\"address_limit\"} 1\n"),
        "{}",
        server.metrics()
    );
    drop(held);
    server.wait_until_alone();
    assert_eq!(server.connect().get("/a.txt").status(), 200);
}

#[test]
fn limit_rate_holds_on_both_ways() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::write(folder.path().join("a.bin"), [b'a'; 30_000]).expect("it is writable");
    std::fs::write(folder.path().join("b.bin"), vec![b'b'; 2 << 20]).expect("it is writable");
    let root = folder.path().display();
    let server = Server::with(
        &format!(
            "[sites.a]\nroot = '{root}'\nlimit_rate = '50KiB'\nlimit_rate_after = '2020KiB'\n\
                  [sites.a.routes.'= /a.bin']\nfiles = '{root}/a.bin'\nlimit_rate = '50KiB'\nlimit_rate_after = '0'\n"
        ),
        Some(Arc::new(handler_fn(answer))),
    );
    for (path, length, free) in [("/a.bin", 30_000, 0), ("/b.bin", 2 << 20, 2020 << 10)] {
        let mut first = server.connect(); // for the cache
        assert_eq!(server.time_for(|| first.get(path).body.len()).1, length);
        for agents in ["User-Agent: x\r\n", "User-Agent: x\r\nUser-Agent: x\r\n"] {
            let mut client = server.connect();
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{agents}\r\n"));
            let mut came = Vec::new();
            wait_until("what is free comes at once", || client.take(&mut came) && came.len() > free);
            let time = server.time_until(|| !client.take(&mut came)); // at most
            let head = came.windows(4).position(|four| four == b"\r\n\r\n").expect("a head has an end");
            assert_eq!(came.len() - head - 4, length, "{path} {agents:?}");
            assert!(time > Duration::from_millis(450), "{path} {agents:?} {time:?}");
        }
    }
    server.wait_until_alone();
    assert_eq!(at_once(&server), 2);
}

#[test]
fn the_date_is_that_of_the_answer() {
    let (_folder, server) = site("[web]\nfile_cache_valid = '1h'\n");
    let mut client = server.connect();
    (0..2).for_each(|_| assert_eq!(client.get("/a.txt").status(), 200)); // the first is for the cache
    client.send("GET /a.txt HTTP/1.1\r\n");
    std::thread::sleep(Duration::from_millis(1100)); // time is what is tested
    let now = SystemTime::now() - Duration::from_secs(1); // a date has no fractions
    client.send("Host: a\r\n\r\n");
    let answer = client.answer();
    let date = httpdate::parse_http_date(answer.header("date").expect("it has a date")).expect("it is a date");
    assert!(date > now, "{answer:?} {now:?}");
    server.drain_at_leisure();
    assert_eq!(at_once(&server), 2);
}

#[test]
fn a_client_that_pipelines_and_takes_nothing_is_given_up() {
    for largest in ["1MiB", "4MiB"] {
        let (_folder, server) = site(&format!("[web]\nsend_timeout = '300ms'\nfile_cache_max_file = '{largest}'\n"));
        assert_eq!(server.connect().get("/large.bin").status(), 200);
        let mut client = server.connect();
        client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20));
        client.stream.get_mut().read_exact(&mut [0; 1]).expect("the first answer begins");
        server.wait_until_alone();
        assert!(at_once(&server) > 0, "{largest}");
    }
}

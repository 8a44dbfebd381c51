//! Another configuration while the tier serves: new requests go by it, those in flight end under the one before, and no
//! connection ends by it.

#![expect(clippy::unwrap_used, reason = "a failure here is one of the test that asks")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use foobar_core::{Readiness, Tier};
use foobar_web::WebTier;
use rustls::HandshakeKind;

use crate::drain::address;
use crate::support::tls::Authority;
use crate::support::{Client, Server, folder, wait_until};

/// One site with this route.
fn answering(path: &str, body: &str) -> String {
    format!("[sites.a]\nroutes.'{path}' = {{ respond = 200, body = '{body}' }}\n")
}

#[test]
fn a_connection_that_waits_has_its_next_request_answered_by_the_new_routes() {
    let server = Server::start(&answering("/page", "old"));
    let mut client = server.connect();
    assert_eq!(client.get("/page").body, "old");
    server.reload(&answering("/page", "new")).unwrap();
    assert_eq!(client.get("/page").body, "new");
    server.reload(&answering("/other", "newest")).unwrap();
    assert_eq!(client.get("/page").body, "GET /page", "it is the application's now");
    assert_eq!(client.get("/other").body, "newest");
}

#[test]
fn a_request_in_flight_ends_under_the_configuration_that_it_began_with() {
    let server = Server::start("[web]\nclient_max_body_size = '100'\n");
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status(), 100, "the handler has it");
    server.reload("[web]\nclient_max_body_size = '5'\n").unwrap();
    client.send("0123456789");
    assert_eq!(client.answer().body, "0123456789");
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    assert_eq!(client.answer().status(), 413);
}

#[test]
fn a_download_in_flight_goes_on_from_the_folder_that_it_began_in() {
    const LARGE: usize = 32 << 20; // more than the system takes for a client that does not read
    let (old, new) = (folder(&[("file", &"o".repeat(LARGE))]), folder(&[("file", "new")]));
    let root = |folder: &tempfile::TempDir| format!("[sites.a]\nroot = {:?}\n", folder.path());
    let server = Server::start(&root(&old));
    let mut client = server.connect();
    client.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("it has begun", || client.is_told());
    server.reload(&root(&new)).unwrap();
    let answer = client.answer();
    assert!(answer.body.len() == LARGE && answer.body.bytes().all(|byte| byte == b'o'));
    assert_eq!(client.get("/file").body, "new");
}

#[test]
fn sites_come_and_go_with_their_names_and_error_pages() {
    let pages = folder(&[("404.html", "gone")]);
    let site = |name: &str| {
        let root = pages.path().display();
        format!(
            "[sites.{name}]\nserver_name = '{name}.test'\nroot = '{root}'\nerror_page = ['404 /404.html']\ntry_files = ['file', '=404']\n"
        )
    };
    let two = site("one") + &site("two");
    let server = Server::start(&two);
    let mut client = server.connect();
    let mut status = |host: &str| {
        client.send(format!("GET /missing HTTP/1.1\r\nHost: {host}.test\r\nAccept: text/html\r\n\r\n"));
        let answer = client.answer();
        (answer.status(), answer.body == "gone")
    };
    assert_eq!((status("one"), status("two"), status("three").0), ((404, true), (404, true), 421));
    let three = site("one") + &site("three").replace("error_page", "#");
    server.reload(&three).unwrap();
    assert_eq!((status("one"), status("two").0, status("three")), ((404, true), 421, (404, false)));
}

#[test]
fn limits_change_for_connections_that_are_there() {
    let server = Server::start("[web]\nmax_request_line = '1KiB'\n");
    let mut client = server.connect();
    let long = format!("/{}", "x".repeat(200));
    assert_eq!(client.get(&long).status(), 200);
    server.reload("[web]\nmax_request_line = '100'\n").unwrap();
    assert_eq!(client.get(&long).status(), 414);
    let mut client = server.connect();
    assert_eq!(client.get("/").header("connection"), None);
    server.reload("[web]\nkeepalive_requests = 2\n").unwrap();
    assert_eq!(client.get("/").header("connection"), Some("close"));
}

#[test]
fn the_connections_of_an_address_go_on_to_count() {
    let server = Server::start("[web]\nconnections_per_address = 2\n");
    let mut first = server.accept();
    server.reload("[web]\nconnections_per_address = 1\n").unwrap();
    assert_eq!(server.connect().rest(), "", "the first is the only one that there may be");
    assert_eq!(first.get("/").status(), 200);
    server.reload("[web]\nconnections_per_address = 2\n").unwrap();
    assert_eq!(server.connect().get("/").status(), 200);
}

#[test]
fn a_worker_may_have_more_connections_or_fewer() {
    let server = Server::start("[web]\nworker_connections = 1\n");
    let mut first = server.connect();
    assert_eq!(first.get("/").status(), 200);
    server.reload("[web]\nworker_connections = 2\n").unwrap();
    let mut second = server.connect();
    assert_eq!((second.get("/").status(), first.get("/").status()), (200, 200));
    server.reload("[web]\nworker_connections = 1\n").unwrap();
    assert_eq!(server.connect().get("/").status(), 200, "the place of one that waits is taken");
    assert_eq!([first, second].map(|mut client| client.rest()), ["", ""]);
}

#[test]
fn who_may_speak_for_clients_changes_also_for_connections_that_are_there() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let trusting = |proxies: &str| format!("[web]\naccess_log = {:?}\ntrusted_proxies = {proxies}\n", log.path());
    let server = Server::start(&trusting("[]"));
    let mut client = server.connect();
    let mut ask = || {
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
        client.answer();
    };
    ask();
    server.reload(&trusting("['127.0.0.1']")).unwrap();
    ask();
    server.reload(&trusting("[]")).unwrap();
    ask();
    server.drain_at_leisure();
    let log = fs::read_to_string(log.path()).unwrap();
    let clients: Vec<_> = log.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(clients, ["127.0.0.1", "203.0.113.9", "127.0.0.1"]);
}

#[test]
fn the_access_log_changes_its_file_and_its_format_and_no_line_is_lost() {
    let files = tempfile::tempdir().unwrap();
    let logging = |file: &str, format: &str| {
        format!("[web]\naccess_log = {:?}\nlog_format = '{format}'\n", files.path().join(file))
    };
    let server = Server::start("[web]\naccess_log = 'off'\n");
    let mut client = server.connect();
    client.get("/0");
    for (file, format, path) in [("a", "combined", "/1"), ("a", "json", "/2"), ("b", "json", "/3")] {
        server.reload(&logging(file, format)).unwrap();
        client.get(path);
    }
    server.reload("[web]\naccess_log = 'off'\n").unwrap();
    client.get("/4");
    server.drain_at_leisure();
    let lines = |file: &str| fs::read_to_string(files.path().join(file)).unwrap();
    let (a, b) = (lines("a"), lines("b"));
    assert!(a.lines().count() == 2 && a.contains("\"GET /1 HTTP/1.1\"") && a.contains("\"GET /2 HTTP/1.1\","), "{a}");
    assert!(b.lines().count() == 1 && b.contains("\"GET /3 HTTP/1.1\","), "{b}");
}

#[test]
fn an_address_that_stays_keeps_its_socket_and_others_are_opened_and_closed() {
    let server = Server::start("[web]\nlisten = ['127.0.0.1:0']\n");
    let first = server.web.addresses();
    server.reload("[web]\nlisten = ['127.0.0.2:0', '127.0.0.1:0']\n").unwrap();
    let both = server.web.addresses();
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    assert_eq!(server.connect().get("/").status(), 200);
    let second = server.plain_socket();
    server.reload("[web]\nlisten = ['127.0.0.2:0']\n").unwrap();
    assert_eq!(server.web.addresses(), both[..1]);
    let foobar_web::Address::Tcp(closed) = first[0] else { unreachable!("it speaks no TLS") };
    wait_until("nobody listens there", || std::net::TcpStream::connect(closed).is_err());
    assert_eq!(Client::new(second).get("/").status(), 200, "a connection stays");
}

#[test]
fn a_unix_socket_stays_in_its_place_until_it_is_not_named_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let both = format!("[web]\nlisten = ['127.0.0.1:0', 'unix:{}']\n", path.display());
    let server = Server::start(&both);
    let inode = || fs::metadata(&path).map(|file| file.ino());
    let before = inode().unwrap();
    server.reload(&both).unwrap();
    assert_eq!(inode().unwrap(), before);
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"GET /unix HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("GET /unix"), "{text}");
    server.reload("[web]\nlisten = ['127.0.0.1:0']\n").unwrap();
    assert!(inode().is_err());
}

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = tempfile::tempdir().unwrap();
    let socket = free.path().join("socket");
    let in_use = format!(
        "[web]\nlisten = ['unix:{}', '{}']\n{}",
        socket.display(),
        taken.local_addr().unwrap(),
        answering("/page", "new")
    );
    let missing = format!("{}root = '/nowhere/at/all'\n", answering("/page", "new"));
    let tls = format!("[web]\nlisten = ['127.0.0.1:0 ssl']\n{}", answering("/page", "new"));
    let server = Server::start(&answering("/page", "old"));
    let (mut client, addresses) = (server.connect(), server.web.addresses());
    for (bad, words) in [
        (in_use, "another program listens there"),
        (missing, "cannot open /nowhere/at/all"),
        (tls, "needs a certificate"),
    ] {
        let error = server.reload(&bad).unwrap_err();
        assert!(error.contains(words), "{error}");
        assert_eq!((client.get("/page").body.as_str(), server.connect().get("/page").body.as_str()), ("old", "old"));
        assert_eq!((server.web.addresses(), server.web.readiness()), (addresses.clone(), Readiness::Ready));
        assert!(!socket.exists(), "what was opened for it is closed");
    }
    server.reload(&answering("/page", "new")).unwrap();
    assert_eq!(client.get("/page").body, "new");
}

#[test]
fn the_number_of_workers_stays_and_is_told() {
    let server = Server::start("[web]\nworkers = 2\n");
    let unchanged = server.reload("[web]\nworkers = 3\n").unwrap();
    let [unchanged] = &unchanged[..] else { panic!("it is one: {unchanged:?}") };
    assert_eq!(unchanged.key, "web.workers");
    assert_eq!(unchanged.message, "there are 2 worker threads, and there will be 3 after a restart");
    assert_eq!((server.figure("workers"), server.web.readiness()), (2, Readiness::Ready));
    assert_eq!(server.reload("[web]\nworkers = 2\n").unwrap(), []);
}

#[test]
fn figures_go_on() {
    let server = Server::start(&answering("/page", "old"));
    let mut client = server.connect();
    client.get("/page");
    server.reload(&answering("/page", "new")).unwrap();
    client.get("/page");
    wait_until("both are counted", || server.figure("requests_total") == 2);
    let count = "foobar_web_request_duration_seconds_count{site=\"a\",route=\"/page\",class=\"2xx\"} 2";
    assert!(server.metrics().contains(count), "{}", server.metrics());
}

#[test]
fn certificates_come_and_go_and_a_connection_outlives_them() {
    let authority = Authority::new();
    let (old, new) = (authority.issue("old", &["a.test"]), authority.issue("new", &["a.test"]));
    let site = |files: &str, body: &str| {
        format!(
            "[web]\nlisten = ['127.0.0.1:0 ssl']\n[sites.a]\nserver_name = 'a.test'\n{files}\
             routes.'/' = {{ respond = 200, body = '{body}' }}\n"
        )
    };
    let server = Server::start(&site(&old.settings(), "old"));
    let config = authority.client().into();
    let mut client = server.connect_tls(&config, "a.test").unwrap();
    assert!(client.was_shown(&old) && client.get("a.test", "/").1 == b"old");
    server.reload(&site(&new.settings(), "new")).unwrap();
    assert_eq!(client.get("a.test", "/").1, b"new");
    assert!(server.connect_tls(&authority.client().into(), "a.test").unwrap().was_shown(&new));
    let resumed = server.connect_tls(&config, "a.test").unwrap();
    assert_eq!(resumed.stream.get_ref().conn.handshake_kind(), Some(HandshakeKind::Resumed), "its ticket stays good");
}

#[test]
fn an_address_that_stays_may_begin_to_speak_tls() {
    let authority = Authority::new();
    let files = authority.issue("a", &["a.test"]);
    let listening = |word: &str| {
        format!(
            "[web]\nlisten = ['127.0.0.1:0{word}']\n[sites.a]\nserver_name = 'a.test'\nhttps = 'keep'\n{}",
            files.settings()
        )
    };
    let server = Server::start(&listening(""));
    let mut plain = server.accept();
    let before = server.web.addresses()[0].to_string();
    server.reload(&listening(" ssl")).unwrap();
    assert_eq!(server.web.addresses()[0].to_string(), before.replace("http:", "https:"));
    let mut client = server.connect_tls(&authority.client().into(), "a.test").unwrap();
    assert!(client.get("a.test", "/").0.starts_with("HTTP/1.1 200 "));
    plain.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(plain.answer().status(), 200, "a connection goes on as it began");
}

#[test]
fn a_connection_is_for_no_site_that_asks_more_of_clients_than_its_handshake_did() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let files = authority.issue("a", &["a.test"]);
    let site = |rule: &str| {
        format!("[web]\nlisten = ['127.0.0.1:0 ssl']\n[sites.a]\nserver_name = 'a.test'\n{}{rule}", files.settings())
    };
    let strict = format!("ssl_verify_client = 'on'\nssl_client_certificate = {:?}\n", clients.root());
    let server = Server::start(&site(""));
    let mut client = server.connect_tls(&authority.client().into(), "a.test").unwrap();
    assert!(client.get("a.test", "/").0.starts_with("HTTP/1.1 200 "));
    server.reload(&site(&strict)).unwrap();
    assert!(client.get("a.test", "/").0.starts_with("HTTP/1.1 421 "));
    server.reload(&site("")).unwrap();
    assert!(client.get("a.test", "/").0.starts_with("HTTP/1.1 421 "), "nobody knows any more what it was");
}

#[test]
fn an_http2_connection_goes_on_under_the_new_configuration() {
    let routes = |body: &str| {
        let listen = "[web]\nlisten = ['127.0.0.1:0']\nhttp2 = 'cleartext'\n";
        format!("{listen}{}", answering("/page", body))
    };
    let server = Server::start(&routes("old"));
    let mut client = server.http2(|_| {});
    assert_eq!(client.get("/page").unwrap().body(), b"old");
    server.reload(&routes("new")).unwrap();
    assert_eq!(client.get("/page").unwrap().body(), b"new");
    assert!(client.end().is_none());
}

/// What of this folder the process has open.
fn open_beneath(folder: &Path) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().flatten();
    descriptors.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.starts_with(folder))).count()
}

#[test]
fn what_only_the_old_configuration_has_used_is_closed_although_connections_stay() {
    let old = folder(&[("file", "old")]);
    let listen = "[web]\nlisten = ['127.0.0.1:0']\nhttp2 = 'cleartext'\n";
    let server = Server::start(&format!("{listen}[sites.a]\nroot = {:?}\n", old.path()));
    let (mut http1, mut http2) = (server.connect(), server.http2(|_| {}));
    assert_eq!((http1.get("/file").body.as_str(), http2.get("/file").unwrap().body().as_slice()), ("old", &b"old"[..]));
    assert!(open_beneath(old.path()) > 0);
    server.reload(listen).unwrap();
    wait_until("it is closed", || open_beneath(old.path()) == 0);
    assert_eq!((http1.get("/file").status(), http2.get("/file").unwrap().status().as_u16()), (200, 200));
}

#[test]
fn threads_and_descriptors_do_not_grow_with_the_number_of_reloads() {
    let (authority, files) = (Authority::new(), folder(&[("file", "text")]));
    let certificate = authority.issue("a", &["a.test"]);
    let log = tempfile::NamedTempFile::new().unwrap();
    let toml = format!(
        "[web]\nlisten = ['127.0.0.1:0', '127.0.0.1:0 ssl']\naccess_log = {:?}\n[sites.a]\nserver_name = 'a.test'\n\
         https = 'keep'\nroot = {:?}\n{}",
        log.path(),
        files.path(),
        certificate.settings()
    );
    let server = Server::start(&toml);
    let mut client = server.connect();
    let threads = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default(); // it has ended
        tasks.map(name).filter(|name| ["foobar-web-watc", "foobar-web-tls"].contains(&name.trim())).count()
    };
    for _ in 0..20 {
        server.reload(&toml).unwrap();
        assert_eq!(client.get("/file").status(), 200);
    }
    wait_until("those of before have gone", || open_beneath(files.path()) <= 2);
    assert!(threads() < 100, "{}", threads()); // other tests have theirs
    assert_eq!(server.web.readiness(), Readiness::Ready);
}

#[test]
fn a_tier_that_has_drained_takes_no_configuration() {
    let server = Server::start(&answering("/page", "old"));
    server.drain_at_leisure();
    let error = server.reload(&answering("/page", "new")).unwrap_err();
    assert_eq!(error, "the web tier does not serve: there is nothing to reload");
}

#[test]
fn an_address_within_another_one_of_this_server_is_said_to_be_its_own() {
    for (first, second) in [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1")] {
        let server = Server::start(&format!("[web]\nlisten = ['{first}:0']\n"));
        let port = address(&server).port();
        let error = server.reload(&format!("[web]\nlisten = ['{second}:{port}']\n")).unwrap_err();
        assert!(error.contains("this server listens there under another address: restart it"), "{error}");
    }
}

//! The keys that nginx has under its own names: what one configuration says in both, request by request. A page of an error
//! has in nginx the fields of the page, and here those of the path that was asked for: errors with fields of their own have
//! none.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::nginx::Nginx;
use super::requests::Request;
use super::{Server, answered};
use crate::support::{Address, Program, Response, until};

const NGINX: &str = r#"
    set_real_ip_from unix:;
    set_real_ip_from 10.0.0.0/8;
    real_ip_header X-Forwarded-For;
    real_ip_recursive on;
    error_page 404 /sorry.html;
    location = /who { return 200 $remote_addr; }
    location ~ \.css$ { add_header X-Rule style always; }
    location ~ \.bare$ { add_header X-Other x always; }
    location ~ \.svgz$ { gzip_static off; add_header Content-Encoding gzip always; }
    location /route/ { error_page 410 /sorry.html; add_header X-Rule route always; }
    location /plain/ { error_page 410 /sorry.html; }
    location /off/ { alias ROOT/linked/; disable_symlinks on; }
    location /any/ { alias ROOT/linked/; }
"#;

const FOOBAR: &str = r#"
[web]
access_log = "access.log"
trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]
[sites.www]
root = "root"
compress = []
try_files = ["file", "index"]
error_page = ["404 /sorry.html"]
add_header = [
    ".css X-Rule: style", ".css X-Policy: off", ".bare X-Other: x", ".bare X-Policy: off",
    ".svgz Content-Encoding: gzip", ".svgz X-Policy: off", "* X-Policy: strict",
]
[sites.www.routes]
"= /who" = { respond = 200 }
"/route/" = { files = "root/route", add_header = ["* X-Rule: route"], error_page = "off" }
"/plain/" = { files = "root/plain", error_page = "off" }
"/off/" = { files = "root/linked", links = "off" }
"/any/" = { files = "root/linked", links = "any" }
"#;

const SORRY: &str = "<p>It is not here.</p>";

/// Both servers on one folder.
struct Pair {
    place: tempfile::TempDir,
    nginx: Server,
    foobar: Server,
    _programs: (Nginx, Program),
}

impl Pair {
    fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fill(&root);
        let nginx = Nginx::start(&root, &NGINX.replace("ROOT", &root.display().to_string()));
        std::fs::write(place.path().join("foobar.toml"), FOOBAR).unwrap();
        let foobar = Program::start(Program::foobar(place.path()).env_remove("FOOBAR__WEB__ACCESS_LOG"));
        let [one, other] = [nginx.address.clone(), Address::Tcp(foobar.address.clone())];
        let [one, other] = [one, other].map(|address| Server { address, tags: Vec::new() });
        Self { place, nginx: one, foobar: other, _programs: (nginx, foobar) }
    }

    /// The answers of nginx and of Foobar.
    fn ask(&self, path: &str, field: (&'static str, &str)) -> [Response; 2] {
        [&self.nginx, &self.foobar].map(|server| {
            let request = Request {
                method: "GET",
                target: path.as_bytes().to_vec(),
                minor: 1,
                fields: vec![("Host", "localhost".to_owned()), (field.0, field.1.to_owned())],
                body: "",
                place: 0,
            };
            server.line().ask(&[request]).remove(0)
        })
    }
}

fn fill(root: &Path) {
    for folder in ["route", "plain", "linked"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let outside = root.with_file_name("outside.txt");
    for (path, text) in [
        (root.join("sorry.html"), SORRY),
        (root.join("page.html"), "page"),
        (root.join("style.css"), "style"),
        (root.join("page.bare"), "bare"),
        (root.join("picture.svgz"), "no gzip, and nobody looks"),
        (root.join("route/page.html"), "route"),
        (root.join("linked/file.txt"), "file"),
        (outside.clone(), "outside"),
    ] {
        std::fs::write(path, text).unwrap();
    }
    symlink("file.txt", root.join("linked/in.txt")).unwrap();
    symlink(outside, root.join("linked/out.txt")).unwrap();
}

#[test]
fn fields_error_pages_and_links_are_those_of_nginx() {
    let pair = Pair::start();
    for path in [
        "/page.html",
        "/style.css",
        "/page.bare",
        "/picture.svgz",
        "/route/page.html",
        "/route/none.html",
        "/none.html",
        "/plain/none.html",
        "/any/in.txt",
        "/any/out.txt",
        "/off/file.txt",
        "/off/in.txt",
        "/off/out.txt",
    ] {
        let answers = pair.ask(path, ("Accept", "text/html"));
        let [nginx, foobar] = answers.each_ref().map(|answer| {
            let status = if answer.status == 403 { 404 } else { answer.status }; // that there is a link is not told
            let names = ["x-policy", "x-rule", "x-other", "content-encoding"];
            let fields = names.map(|name| answer.header(name).map(str::to_owned));
            let is_sorry = answer.body == SORRY.as_bytes();
            let content = Some(&answer.body).filter(|_| status == 200).cloned();
            // A link that is refused has the page of 403 in nginx, which is none here.
            (status, fields, answer.status == 404 && is_sorry && !path.starts_with("/off/"), content)
        });
        let shown = answers.each_ref().map(answered);
        assert_eq!(nginx, foobar, "{path}\n  nginx: {}\n  foobar: {}", shown[0], shown[1]);
    }
}

#[test]
fn behind_trusted_proxies_the_client_is_the_one_of_nginx() {
    const CHAINS: [&str; 6] = [
        "203.0.113.9",
        "192.0.2.66, 203.0.113.9",
        "203.0.113.9, 10.1.1.1",
        "192.0.2.66, 203.0.113.9, 10.2.2.2, 10.1.1.1",
        "10.9.9.9, 10.1.1.1",
        "2001:db8::1",
    ];
    let pair = Pair::start();
    let mut clients = CHAINS.map(|chain| {
        let [nginx, foobar] = pair.ask("/who", ("X-Forwarded-For", chain));
        assert_eq!((nginx.status, foobar.status), (200, 200));
        String::from_utf8(nginx.body).expect("an address")
    });
    let mut logged = until("all is in the log", || {
        let log = std::fs::read_to_string(pair.place.path().join("access.log")).unwrap_or_default();
        let clients: Vec<_> = log.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
        (log.ends_with('\n') && clients.len() == CHAINS.len()).then_some(clients)
    });
    logged.sort(); // each worker writes its own lines
    clients.sort();
    assert_eq!(logged, clients);
}

//! Routes, redirects with variables and `try_files` with `$uri`: the same configuration in nginx and in Foobar.

use std::collections::BTreeMap;

use super::folder::{Folder, LEAVING};
use super::nginx::Nginx;
use super::requests::{Request, decode, normalise, target};
use super::rules::TYPES;
use super::{Server, answered, show, tells_secret};
use crate::support::{Address, Program, Random, Response, number_of, seed};

const REQUESTS: u64 = 20_000;

const NGINX: &str = r#"
    location / { try_files $uri $uri.html $uri/index.html /plain$uri.html =404; }
    location = /exact { return 302 /to$request_uri; }
    location /uri/ { return 301 /to$uri; }
    location /uri/deep/ { return 307 /deeper$uri; }
    location /args/ { return 303 /to?$args; }
    location /args/more/ { return 303 /to?$args&utm=1; }
    location /raw/ { return 301 /to$request_uri; }
    location /other/ { return 301 $scheme://$host/to$request_uri; }
    location ~ ^/named/(?<rest>.*)/(?<last>[^/]*)$ { return 301 /n/$last/$rest?a=b&$args; }
    location ~* ^/old/([a-z]+)/(.*)$ { return 308 /new/$2/of/$1; }
    location ~* \.(php|asp)$ { return 410; }
    location ~ ^/caf.$ { return 302 /a-cafe; }
    location /types/ {
        types { text/x-odd odd; application/x-page html; }
        default_type application/x-none;
    }
"#;

const FOOBAR: &str = r#"
[web]
keepalive_requests = 1000000000
[sites.www]
server_name = "localhost"
default = true
root = "root"
compress = []
precompressed = []
try_files = ["$uri", "$uri.html", "$uri/index.html", "/plain$uri.html", "=404"]
[sites.www.routes]
"= /exact" = { redirect = "/to$request_uri", status = 302 }
"/uri/" = { redirect = "/to$uri" }
"/uri/deep/" = { redirect = "/deeper$uri", status = 307 }
"/args/" = { redirect = "/to?$args", status = 303 }
"/args/more/" = { redirect = "/to?$args&utm=1", status = 303 }
"/raw/" = { redirect = "/to$request_uri" }
"/other/" = { redirect = "$scheme://$host/to$request_uri" }
'~ ^/named/(?<rest>.*)/(?<last>[^/]*)$' = { redirect = "/n/$last/$rest?a=b&$args" }
'~* ^/old/([a-z]+)/(.*)$' = { redirect = "/new/$2/of/$1", status = 308 }
'~* \.(php|asp)$' = { respond = 410 }
'~ ^/caf.$' = { redirect = "/a-cafe", status = 302 }
"/types/" = { files = "root/types", types = ["text/x-odd odd", "application/x-page html"], default_type = "application/x-none" }
"#;

/// What stands before a path of the folder.
const PREFIXES: &[&str] = &[
    "",
    "",
    "",
    "",
    "/uri",
    "/uri/deep",
    "/uri/deeper",
    "/args",
    "/args/more",
    "/raw",
    "/other",
    "/named",
    "/named/x",
    "/old/abc",
    "/OLD/Abc",
    "/old/a1",
    "/types",
];
/// What leads to some of the routes only as it is.
const PATHS: &[&[u8]] = &[
    b"/exact",
    b"/exact/",
    b"/exact.html",
    b"/EXACT",
    b"/a.php",
    b"/a.PHP",
    b"/a.php/",
    b"/plain/x.asp",
    b"/uri",
    b"/args",
    b"/old",
    b"/old/abc",
    b"/old/abc/",
    b"/named/",
    b"/named",
    b"/caf\xe9",
    b"/caff",
    b"/cafes",
    b"/types/a.odd",
    b"/types/a.ODD",
    b"/types/b.html",
    b"/types/c.unknown",
    b"/types/none",
    b"/types/d.txt",
    b"/types/e.odd.html",
    b"/types",
    b"/plain/page",
    b"/page",
    b"/plain",
    b"/plain.html",
];

/// A difference that is meant.
struct Exception {
    reason: &'static str,
    accepts: fn(&Case) -> bool,
}

struct Case<'a> {
    request: &'a Request,
    nginx: &'a Response,
    foobar: &'a Response,
    /// The path, decoded in the way of nginx; `None` where an escape is none.
    path: Option<Vec<u8>>,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        reason: "a target that is no path is malformed: control characters, bytes that are not UTF-8 without an escape",
        accepts: |case| {
            let control = |path: Vec<u8>| path.utf8_chunks().any(|part| part.valid().chars().any(char::is_control));
            let target = &case.request.target;
            let raw = str::from_utf8(target).is_err() || target.iter().any(|byte| *byte == b'#' || *byte <= b' ');
            let decoded = decode(case.request.raw_path());
            case.foobar.status == 400 && (raw || case.path.is_none() || decoded.is_some_and(control))
        },
    },
    Exception {
        reason: "an encoded slash does not separate (RFC 3986 §2.2)",
        accepts: |case| case.request.raw_path().to_ascii_lowercase().windows(3).any(|escape| escape == b"%2f"),
    },
    Exception {
        reason: "names that begin with a dot are not served",
        accepts: |case| case.foobar.status == 404 && case.has(b"/."),
    },
    Exception {
        reason: "links out of the root are not followed",
        accepts: |case| case.foobar.status == 404 && LEAVING.iter().any(|link| case.has(link.as_bytes())),
    },
    Exception {
        reason: "a directory without an index is not there: 403 tells that there is one",
        accepts: |case| (case.nginx.status, case.foobar.status) == (403, 404) && case.has(b"/types/"),
    },
    Exception {
        reason: "a socket is nothing that is served",
        accepts: |case| (case.nginx.status, case.foobar.status) == (500, 404) && case.has(b"/socket"),
    },
    Exception {
        reason: "the path of a folder's route leads into the folder without its slash too",
        accepts: |case| case.path.as_deref() == Some(b"/types") && case.foobar.status == 301,
    },
    Exception {
        reason: "no mark stands before a query that is empty",
        accepts: |case| {
            let place = case.nginx.header("location").and_then(|place| place.strip_suffix('?'));
            case.is_of_one_status() && place.is_some() && place == case.foobar.header("location")
        },
    },
    Exception {
        reason: "a path that is put into a place is encoded again, also its `%`, `?` and `#`: nginx's leads elsewhere",
        accepts: |case| {
            let is_encoded = |place: &str| place.bytes().all(|byte| byte.is_ascii_graphic());
            let special = [b"%", b"?", b"#"].iter().any(|special| case.has(*special));
            case.is_of_one_status() && special && case.foobar.header("location").is_some_and(is_encoded)
        },
    },
    Exception {
        reason: "types of a route stand before those that are known, nginx's stand alone; some types have better names",
        accepts: |case| {
            let [nginx, foobar] =
                [case.nginx, case.foobar].map(|answer| answer.header("content-type").unwrap_or_default());
            let known = case.has(b"/types/") && nginx == "application/x-none";
            case.is_of_one_status()
                && case.nginx.body == case.foobar.body
                && (known || TYPES.contains(&[nginx, foobar]))
        },
    },
];

impl Case<'_> {
    fn is_of_one_status(&self) -> bool {
        self.nginx.status == self.foobar.status
    }

    /// Whether this stands in the path.
    fn has(&self, part: &[u8]) -> bool {
        self.path.as_deref().is_some_and(|path| path.windows(part.len()).any(|window| window == part))
    }
}

#[test]
fn routes_redirects_and_variables_lead_where_those_of_nginx_do() {
    let seed = seed();
    println!("FOOBAR_SEED={seed}");
    let folder = Folder::generate(seed);
    for name in ["a.odd", "a.ODD", "b.html", "c.unknown", "none", "d.txt", "e.odd.html"] {
        std::fs::create_dir_all(folder.root().join("types")).unwrap();
        std::fs::write(folder.root().join("types").join(name), name).unwrap();
    }
    let nginx = Nginx::start(&folder.root(), NGINX);
    let place = folder.root().parent().unwrap().to_owned();
    std::fs::write(place.join("foobar.toml"), FOOBAR).unwrap();
    let foobar = Program::start(&mut Program::foobar(&place));
    let servers = [nginx.address.clone(), Address::Tcp(foobar.address.clone())];
    let [one, other] = servers.map(|address| Server { address, tags: Vec::new() });
    let (mut one, mut other) = (one.line(), other.line());
    let mut random = Random::new(seed, 2000);
    let (mut fired, mut unexplained) = (vec![0; EXCEPTIONS.len()], BTreeMap::<_, (u64, String)>::new());
    let requests = number_of("FOOBAR_DIFFERENTIAL_REQUESTS", REQUESTS).min(10 * REQUESTS);
    for _ in 0..requests {
        let request = request(&mut random, &folder);
        let (nginx, foobar) = (one.ask(std::slice::from_ref(&request)), other.ask(std::slice::from_ref(&request)));
        let path = decode(request.raw_path()).and_then(|path| normalise(&path));
        let case = Case { request: &request, nginx: &nginx[0], foobar: &foobar[0], path };
        assert!(!tells_secret(case.foobar), "what lies outside the root is served: {}", show(&request));
        if is_same(&case) {
            continue;
        }
        match EXCEPTIONS.iter().position(|exception| (exception.accepts)(&case)) {
            Some(exception) => fired[exception] += 1,
            None => {
                let (count, examples) = unexplained.entry((case.nginx.status, case.foobar.status)).or_default();
                *count += 1;
                if *count < 4 {
                    let answers = format!("  nginx: {}\n  foobar: {}\n", answered(case.nginx), answered(case.foobar));
                    *examples += &format!("{}\n{answers}", show(&request));
                }
            }
        }
    }
    for ((nginx, foobar), (count, examples)) in &unexplained {
        println!("{count} times nginx {nginx}, Foobar {foobar}\n{examples}");
    }
    assert!(unexplained.is_empty(), "differences without a reason");
    for (exception, fired) in EXCEPTIONS.iter().zip(fired) {
        println!("{fired:>6} {}", exception.reason);
        assert!(fired > 0 || requests < REQUESTS, "no difference needs {:?}: take it out", exception.reason);
    }
}

fn request(random: &mut Random, folder: &Folder) -> Request {
    let place = random.below(folder.paths.len() as u64) as usize;
    let path = match random.one_in(4) {
        true => random.pick(PATHS).to_owned(),
        false => [random.pick(PREFIXES).as_bytes(), &folder.paths[place].path].concat(),
    };
    let host = random.pick(&["localhost", "LOCALHOST:8080", "other.example"]);
    Request {
        method: "GET",
        target: target(random, &path),
        minor: 1,
        fields: vec![("Host", host.to_owned())],
        body: "",
        place,
    }
}

/// Whether the two say the same: the place in the bytes that it stands for, which nginx writes as they are.
fn is_same(case: &Case) -> bool {
    let (nginx, foobar) = (case.nginx, case.foobar);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned(); // as answers are read
    let place = |answer: &Response| answer.header("location").map(|place| decode(place.as_bytes()).map(text));
    let content = |answer: &Response| (answer.header("content-type").map(str::to_owned), answer.body.clone());
    nginx.status == foobar.status
        && (!(300..400).contains(&foobar.status) || place(nginx) == place(foobar))
        && (foobar.status != 200 || content(nginx) == content(foobar))
}

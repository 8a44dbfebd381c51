//! `add_header` by type and by extension: rules that are made from a seed, as maps of nginx over the type that it sends.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::nginx::Nginx;
use super::requests::Request;
use super::{Server, answered, show};
use crate::support::{Address, Program, Random, Response, number_of, seed};

const REQUESTS: u64 = 5_000;
/// Each has rules of its own.
const ROUTES: u64 = 16;
const NAMES: [&str; 3] = ["X-Kind", "X-Policy", "X-Source"];

/// Patterns, and what they are of nginx's `$uri|$sent_http_content_type`.
const PATTERNS: &[(&str, &str)] = &[
    ("*", r"\|"),
    ("text/*", r"\|text/"),
    ("text/html", r"\|text/html(;|$)"),
    ("text/plain", r"\|text/plain(;|$)"),
    ("TEXT/CSS", r"\|text/css(;|$)"),
    ("image/*", r"\|image/"),
    ("image/svg+xml", r"\|image/svg\+xml(;|$)"),
    ("application/*", r"\|application/"),
    ("application/pdf", r"\|application/pdf(;|$)"),
    ("application/octet-stream", r"\|application/octet-stream(;|$)"),
    ("font/*", r"\|font/"),
    ("video/mp4", r"\|video/mp4(;|$)"),
    ("audio/*", r"\|audio/"),
    (".pdf", r"\.pdf\|"),
    (".HTML", r"\.html\|"),
    (".svg", r"\.svg\|"),
    (".html.txt", r"\.html\.txt\|"),
    (".unknown", r"\.unknown\|"),
];

const FILES: &[&str] = &[
    "page.html",
    "page.htm",
    "UPPER.HTML",
    "style.css",
    "script.js",
    "data.json",
    "feed.xml",
    "text.txt",
    "page.html.txt",
    "notes.md",
    "movie.mp4",
    "paper.pdf",
    "PAPER.PDF",
    "paper.pdf.html",
    "module.wasm",
    "archive.zip",
    "font.woff2",
    "a.gif",
    "b.jpeg",
    "c.jpg",
    "d.png",
    "e.svg",
    "f.ico",
    "no-extension",
    "odd.unknown",
    "html",
    ".well-known/text.txt",
];

/// A difference that is meant.
struct Exception {
    reason: &'static str,
    accepts: fn(&Case) -> bool,
}

struct Case<'a> {
    file: &'a str,
    nginx: &'a Response,
    foobar: &'a Response,
    /// What Foobar sends with the file itself.
    of_file: &'a [Option<String>; 3],
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        reason: "an answer without a file has the fields of what was asked for; nginx's, those of its own page",
        accepts: |case| case.foobar.status >= 300 && added(case.foobar) == *case.of_file,
    },
    Exception {
        reason: "scripts are text/javascript (RFC 9239)",
        accepts: |case| case.file.ends_with(".js") && case.nginx.status == case.foobar.status,
    },
];

/// One server beside the other, with the same rules.
struct Pair {
    nginx: Server,
    foobar: Server,
    _programs: (Nginx, Program),
    _place: tempfile::TempDir,
}

#[test]
fn fields_that_are_added_by_type_are_those_of_nginx() {
    println!("FOOBAR_SEED={}", seed());
    let mut random = Random::new(seed(), 4000);
    let pair = Pair::start(&mut random);
    let (mut one, mut other) = (pair.nginx.line(), pair.foobar.line());
    let mut both = |request: &Request| {
        let requests = std::slice::from_ref(request);
        (one.ask(requests).remove(0), other.ask(requests).remove(0))
    };
    let mut of_files = BTreeMap::new();
    let (mut fired, mut with_fields) = ([0; EXCEPTIONS.len()], 0);
    let requests = number_of("FOOBAR_DIFFERENTIAL_REQUESTS", REQUESTS).min(10 * REQUESTS);
    for _ in 0..requests {
        let (route, file) = (random.below(ROUTES), random.pick(FILES));
        let of_file =
            of_files.entry((route, file)).or_insert_with(|| added(&both(&of("GET", route, file, None)).1)).clone();
        let request = request(&mut random, route, file);
        let (nginx, foobar) = both(&request);
        with_fields += u64::from(added(&foobar).iter().any(Option::is_some));
        if added(&nginx) == added(&foobar) {
            continue;
        }
        let case = Case { file, nginx: &nginx, foobar: &foobar, of_file: &of_file };
        let exception = EXCEPTIONS.iter().position(|exception| (exception.accepts)(&case));
        let shown = || format!("{}\n  nginx: {}\n  foobar: {}", show(&request), answered(&nginx), answered(&foobar));
        fired[exception.unwrap_or_else(|| panic!("a difference without a reason: {}", shown()))] += 1;
    }
    for (exception, fired) in EXCEPTIONS.iter().zip(fired) {
        println!("{fired:>6} {}", exception.reason);
        assert!(fired > 0 || requests < REQUESTS, "no difference needs {:?}: take it out", exception.reason);
    }
    assert!(with_fields > requests / 4, "most rules fit nothing: {with_fields}");
}

impl Pair {
    fn start(random: &mut Random) -> Self {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        std::fs::create_dir_all(root.join(".well-known")).unwrap();
        FILES.iter().for_each(|file| std::fs::write(root.join(file), "content").unwrap());
        let (maps, locations, settings) = configurations(random, &root);
        let nginx = Nginx::with(&root, &maps, &locations);
        std::fs::write(place.path().join("foobar.toml"), settings).unwrap();
        let foobar = Program::start(&mut Program::foobar(place.path()));
        let [one, other] = [nginx.address.clone(), Address::Tcp(foobar.address.clone())];
        let [one, other] = [one, other].map(|address| Server { address, tags: Vec::new() });
        Self { nginx: one, foobar: other, _programs: (nginx, foobar), _place: place }
    }
}

/// The same rules as nginx's maps and locations, and as Foobar's routes.
fn configurations(random: &mut Random, root: &Path) -> (String, String, String) {
    let (mut maps, mut locations) = (String::new(), String::new());
    let mut settings =
        "[web]\nkeepalive_requests = 1000000000\n[sites.www]\nroot = \"root\"\ncompress = []\n".to_owned();
    for route in 0..ROUTES {
        let mut rules = Vec::new();
        write!(locations, "location /{route}/ {{ alias {}/; ", root.display()).unwrap();
        for (number, name) in NAMES.iter().enumerate() {
            write!(maps, "map \"$uri|$sent_http_content_type\" $field_{route}_{number} {{ default \"\"; ").unwrap();
            let mut patterns = PATTERNS.to_vec(); // one stands once for a field
            for rule in 0..random.below(5) {
                let (pattern, expression) = patterns.swap_remove(random.below(patterns.len() as u64) as usize);
                let value = if random.one_in(4) { "off".to_owned() } else { format!("value-{rule}") };
                let value_of_nginx = if value == "off" { "" } else { &value };
                write!(maps, "\"~*{expression}\" \"{value_of_nginx}\"; ").unwrap();
                rules.push(format!("{pattern} {name}: {value}"));
            }
            maps.push_str("}\n");
            write!(locations, "add_header {name} $field_{route}_{number} always; ").unwrap();
        }
        locations.push_str("}\n");
        writeln!(settings, "routes.\"/{route}/\" = {{ files = \"root\", add_header = {rules:?} }}").unwrap();
    }
    (maps, locations, settings)
}

/// A request for a file, whole, in part or under a condition, or for nothing of its type, or one that is not allowed.
fn request(random: &mut Random, route: u64, file: &str) -> Request {
    match random.below(10) {
        0 => of("HEAD", route, file, None),
        1 => of("GET", route, file, Some(("Range", "bytes=0-1"))),
        2 => of("GET", route, file, Some(("Range", "bytes=100-"))),
        3 => of("GET", route, file, Some(("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"))),
        4 => of("GET", route, file, Some(("If-Match", "\"another\""))),
        5 => of("PUT", route, file, None),
        6 => of("GET", route, &format!("absent-{file}"), None),
        _ => of("GET", route, file, None),
    }
}

fn of(method: &'static str, route: u64, file: &str, field: Option<(&'static str, &str)>) -> Request {
    let mut request = Request::exact(method, format!("/{route}/{file}").as_bytes());
    request.minor = 1;
    request.fields.extend(field.map(|(name, value)| (name, value.to_owned())));
    request
}

/// The fields of [`NAMES`] that an answer has.
fn added(answer: &Response) -> [Option<String>; 3] {
    NAMES.map(|name| answer.header(&name.to_ascii_lowercase()).map(str::to_owned))
}

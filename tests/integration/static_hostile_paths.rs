//! Paths that reach for what is not theirs, and redirects and pages that would carry what a path says.

mod grounds;

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Program, Trace};
use grounds::{Grounds, exchange};

/// Paths that would leave the root if dots, slashes or bytes were read in another way than they were checked.
const DOT_SEGMENTS: &[&[u8]] = &[
    b"/../../../canary",
    b"/..",
    b"/../",
    b"/%2e%2e/canary",
    b"/%2E%2E/canary",
    b"/.%2e/canary",
    b"/.%2e/",
    b"/a/../../canary",
    b"/..%2fcanary",
    b"/%2e%2e%2fcanary",
    b"/%2e%2e%5ccanary",
    b"/..\\canary",
    b"/a/..%5c..%5ccanary",
    b"/..;/canary",
    b"/..;a=b/canary",
    b"/....//canary",
    b"/.../canary",
    b"/%252e%252e/canary",
    b"/%252e%252e%252fcanary",
    b"/.%00./canary",
    b"/.%00./",
    b"/a/%c0%ae%c0%ae/canary",
    b"/a/%e0%80%ae%e0%80%ae/canary",
    b"/%uff0e%uff0e/canary",
    b"/%ef%bc%8e%ef%bc%8e/canary",
    b"/\xc0\xae\xc0\xae/canary",
    b"/..\xc0\xafcanary",
    b"//canary",
    b"//../canary",
    b"///",
    b"/./../canary",
    b"/link-in/../../canary",
    b"http://a/../canary",
    b"http://a/%2e%2e/canary",
    b"/?/../../canary",
    b"/static/../canary",
    b"/static/%2e%2e/canary",
    b"/static/..%2f..%2fcanary",
    b"/%2fetc/passwd",
    b"//etc/passwd",
];
const PREFIX_SLIPS: &[&[u8]] = &[
    b"/static../secret",
    b"/static%2e%2e/secret",
    b"/static..%2fsecret",
    b"/staticx",
    b"/static%2f..%2fsecret",
    b"/static/..%5csecret",
];
const SUFFIXES: &[&[u8]] = &[
    b"/app.rs%00.html",
    b"/app.rs%00",
    b"/app.rs/",
    b"/app.rs/x",
    b"/app.rs%20",
    b"/app.rs.",
    b"/app.rs::$DATA",
    b"/APP.RS",
    b"/app.rs~",
    b"/app.rs%0a",
    b"/app.rs;.html",
    b"/app.rs%3f.html",
];
const HIDDEN: &[&[u8]] = &[
    b"/.git/HEAD",
    b"/%2egit/HEAD",
    b"/.env",
    b"/%2eenv",
    b"/a/../.env",
    b"//.env",
    b"/.well-known/.env",
    b"/.well-known/../.env",
    b"/folder/.htpasswd",
    b"/link-to-hidden",
    b"/.",
];
const LINKS: &[&[u8]] = &[
    b"/link-out",
    b"/link-out-absolute",
    b"/link-out-by-dots",
    b"/link-out-by-two",
    b"/link-out/",
    b"/link-to-outside/canary",
    b"/link-to-outside/",
    b"/link-to-outside",
    b"/link-to-root-directory/etc/passwd",
    b"/link-to-link-out",
    b"/link-to-magic",
    b"/link-to-descriptors/0",
    b"/link-to-zero",
    b"/link-in-a-circle",
    b"/link-in-a-circle/file.txt",
    b"/folder-with-link-as-index/",
    b"/fifo",
    b"/socket",
];

fn each_is_refused(paths: &[&[u8]]) {
    let grounds = Grounds::new();
    let program = grounds.serve();
    for path in paths {
        for method in ["GET", "HEAD", "POST"] {
            grounds.check_refusal(&program, method, path);
        }
    }
    assert_eq!(program.get("/file.txt").text(), "a file\n", "it still serves");
}

#[test]
fn no_dot_segment_however_it_is_written_leads_out_of_the_root() {
    each_is_refused(DOT_SEGMENTS);
}

#[test]
fn a_prefix_without_its_slash_leads_nowhere() {
    each_is_refused(PREFIX_SLIPS);
}

#[test]
fn a_nul_or_a_suffix_makes_another_name_and_shows_no_source() {
    each_is_refused(SUFFIXES);
}

#[test]
fn hidden_files_are_not_there() {
    each_is_refused(HIDDEN);
}

#[test]
fn what_is_well_known_is_served() {
    let grounds = Grounds::new();
    let answer = grounds.serve().get("/.well-known/acme-challenge/x");
    assert_eq!((answer.status, answer.text()), (200, "challenge\n"));
}

#[test]
fn no_link_leads_out_of_the_root_and_what_is_no_file_never_blocks() {
    each_is_refused(LINKS);
}

#[test]
fn a_link_within_the_root_is_followed() {
    let grounds = Grounds::new();
    let program = grounds.serve();
    assert_eq!(program.get("/link-in/file.txt").text(), "a file in a folder\n");
    assert_eq!(program.get("/folder/link-up").text(), "a file\n");
    assert_eq!(program.get("/link-in-absolute").text(), "a file\n");
    assert_eq!(program.get("/link-in").header("location"), Some("/link-in/"));
}

#[test]
fn the_log_names_what_is_not_served_once_and_says_why() {
    let grounds = Grounds::new();
    let program = grounds.serve();
    for _ in 0..3 {
        for path in ["/link-out", "/link-out-absolute", "/link-in-a-circle"] {
            assert_eq!(program.get(path).status, 404);
        }
    }
    program.signal("TERM");
    let log = program.wait().1;
    for name in ["link-out", "link-out-absolute"] {
        let path = grounds.place().join("root").join(name).display().to_string();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(&format!("path=\"{path}\""))).collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(lines[0].contains("WARN") && lines[0].contains("a link leads out of the folder"), "{log}");
    }
}

#[test]
fn a_system_call_that_is_refused_is_said_once_and_files_are_served_without_it() {
    let grounds = Grounds::new();
    let refused = ["EPERM", "ENOSYS", "EACCES", "EINVAL", "EOPNOTSUPP"]
        .map(|error| ["openat2", "preadv2", "sendfile"].map(|call| (call, error)));
    for (call, error) in refused.into_iter().flatten() {
        let options = ["-e", &format!("inject={call}:error={error}")];
        let (mut command, _trace) = Trace::of(&grounds.command(), &options, &grounds.place());
        let program = Program::start(&mut command);
        assert_eq!(program.get("/folder/file.txt").text(), "a file in a folder\n", "{call}");
        assert_eq!(program.get("/link-in/file.txt").text(), "a file in a folder\n", "{call}");
        assert_eq!(program.get("/link-in-absolute").text(), "a file\n", "{call}");
        assert_eq!(program.get("/link-out-absolute").status, 404, "{call}");
        for _ in 0..2 {
            let large = program.get("/large.txt").text().to_owned();
            assert!(large.len() > 1 << 20 && large.lines().all(|line| line == "a large file"), "{call} {error}");
        }
        program.signal("TERM");
        let log = program.wait().1;
        let lines = log.lines().filter(|line| line.contains(&format!("the system call {call} is refused here")));
        // That a device has no content to send is EINVAL too, and is no refusal.
        assert_eq!(lines.count(), usize::from((call, error) != ("sendfile", "EINVAL")), "{log}");
    }
}

/// Those that every program makes, and that have an older way or none.
#[test]
fn files_are_served_where_a_sandbox_refuses_calls_that_nothing_depends_on() {
    let grounds = Grounds::new();
    for (call, error) in [
        ("statx", "EPERM"),
        ("statx", "ENOSYS"),
        ("fadvise64", "EPERM"),
        ("fadvise64", "EINVAL"),
        ("inotify_init1", "EPERM"),
        ("inotify_init1", "EMFILE"),
        ("inotify_add_watch", "EPERM"),
    ] {
        let options = ["-e", &format!("inject={call}:error={error}")];
        let (mut command, _trace) = Trace::of(&grounds.command(), &options, &grounds.place());
        let program = Program::start(&mut command);
        for _ in 0..2 {
            assert_eq!(program.get("/folder/file.txt").text(), "a file in a folder\n", "{call} {error}");
            assert!(program.get("/large.txt").text().starts_with("a large file\n"), "{call} {error}");
        }
        assert_eq!(program.get("/list/").status, 200, "{call} {error}");
        program.signal("TERM");
        assert!(program.wait().0.success(), "{call} {error}");
    }
}

/// It cannot be told from the file itself: who may make one may copy the file too.
#[test]
fn a_hard_link_is_a_file_like_any_other() {
    let grounds = Grounds::new();
    assert_eq!(grounds.serve().get("/hard-link").text(), "a file\n");
}

/// What a process of Foobar opens once it serves, besides what it serves.
const OPENED_BY_THE_RUNTIME: &[&str] = &[
    "/sys/devices/system/cpu/online", // the C library counts processors when threads ask for memory at the same time
];

#[test]
fn the_system_calls_show_that_nothing_outside_the_roots_is_opened() {
    let grounds = Grounds::new();
    let options = ["-y", "-s", "200", "-e", "trace=open,openat,openat2,creat"];
    let (mut command, trace) = Trace::of(&grounds.command(), &options, &grounds.place());
    let program = Program::start(&mut command);
    assert_eq!(program.get("/begin.txt").status, 200);
    for path in [DOT_SEGMENTS, PREFIX_SLIPS, SUFFIXES, HIDDEN, LINKS].concat() {
        grounds.check_refusal(&program, "GET", path);
    }
    std::thread::scope(|scope| {
        let swapping = scope.spawn(|| (0..2000).for_each(|_| grounds.swap()));
        while !swapping.is_finished() {
            for path in ["/swapped/canary", "/swapping/canary"] {
                grounds.check(&program, "GET", path.as_bytes());
            }
        }
    });
    assert_eq!(program.get("/folder/file.txt").status, 200);
    program.signal("TERM");
    assert!(program.wait().0.success());
    let opened = opened_since("begin.txt", &trace.text());
    let served = |path: &str| grounds.roots().iter().any(|root| Path::new(path).starts_with(root));
    let known = |path: &str| OPENED_BY_THE_RUNTIME.iter().any(|known| path.starts_with(known));
    assert!(opened.iter().any(|path| path.ends_with("folder/file.txt")), "the log shows what is opened: {opened:?}");
    let strays: Vec<_> = opened.iter().filter(|path| !served(path) && !known(path)).collect();
    assert!(strays.is_empty(), "opened outside of the roots: {strays:?}");
}

/// The paths of all files that were opened after this one, as strace resolved them: `openat(...) = 5</path>`.
fn opened_since(first: &str, log: &str) -> BTreeSet<String> {
    let lines = log.lines().skip_while(|line| !line.contains(first));
    let opened = lines.filter_map(|line| line.rsplit_once(" = ")?.1.split_once('<'));
    opened.map(|(_, path)| path.trim_end_matches('>').to_owned()).collect()
}

#[test]
fn the_redirect_of_a_directory_stays_on_this_origin() {
    let grounds = Grounds::new();
    let program = grounds.serve();
    let mut redirects = 0;
    for path in [
        "//evil.com",
        "///evil.com",
        "//evil.com/%2e%2e",
        "//evil.com/..",
        "//evil.com//",
        "/\\evil.com",
        "/\\evil.com/..",
        "/%5cevil.com",
        "/%5Cevil.com/%2e%2e/%5cevil.com",
        "/%09/evil.com",
        "/%2f/evil.com",
        "/%2f%2fevil.com",
        "/.//evil.com",
        "/a/..//evil.com",
        "/folder/..//evil.com",
        "/evil.com?next=//evil.com",
        "/folder?next=//evil.com",
        "http://evil.com//evil.com",
        "https:evil.com",
        "//evil.com@localhost",
        "/static//evil.com",
        "/static",
        "/@evil.com",
    ] {
        let answer = grounds.check(&program, "GET", path.as_bytes());
        let Some(location) = answer.field("location") else {
            assert!(matches!(answer.status, 400 | 404 | 200), "{path}: {}", answer.status);
            continue;
        };
        redirects += 1;
        let second = location.as_bytes().get(1);
        assert!(location.starts_with('/') && !matches!(second, Some(b'/' | b'\\')), "{path}: {location}");
        assert!(location.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{path}: {location}");
    }
    assert!(redirects > 8, "the folders are there: {redirects}");
}

#[test]
fn no_path_puts_a_line_into_the_head_of_an_answer() {
    let grounds = Grounds::new();
    let program = grounds.serve();
    for path in [
        "/x%0d%0aSet-Cookie:%20a=b",
        "/x%0d%0aSet-Cookie:%20a=b/",
        "/x%0aSet-Cookie:%20a=b",
        "/x%0dSet-Cookie:%20a=b",
        "/%E5%98%8D%E5%98%8ASet-Cookie:%20a=b",
        "/folder?x%0d%0aSet-Cookie:%20a=b",
        "/folder?%E5%98%8D%E5%98%8ASet-Cookie:%20a=b",
        "/moved?x%0d%0aSet-Cookie:%20a=b",
        "/moved/x%0d%0aSet-Cookie:%20a=b",
        "/missing%0d%0aSet-Cookie:%20a=b",
        "/missing%0aSet-Cookie:%20a=b",
        "/list/x%0d%0aSet-Cookie:%20a=b/",
    ] {
        for host in ["localhost", "www.foobar.com"] {
            let answer = grounds.check_for(&program, "GET", path.as_bytes(), host, "Accept: text/html\r\n");
            assert_eq!(answer.field("set-cookie"), None, "{path}");
            let redirected = answer.field("location").unwrap_or_default();
            assert!(redirected.bytes().all(|byte| byte.is_ascii_graphic()), "{path}: {redirected}");
        }
    }
    let redirect = grounds.check(&program, "GET", "/%E5%98%8D%E5%98%8ASet-Cookie:%20a=b".as_bytes());
    assert_eq!(redirect.field("location"), Some("/%E5%98%8D%E5%98%8ASet-Cookie:%20a=b/"));
    let www = grounds.check_for(&program, "GET", b"/x%0d%0aSet-Cookie:%20a=b", "www.foobar.com", "");
    assert_eq!(www.field("location"), Some("http://foobar.com/x%0d%0aSet-Cookie:%20a=b"));
}

#[test]
fn an_error_page_shows_nothing_of_the_request() {
    let grounds = Grounds::new();
    let program = grounds.serve();
    for path in [
        "/<script>alert(1)</script>",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/%3Csvg%20onload=alert(1)%3E",
        "/%22%3E%3Csvg%20onload=alert(1)%3E",
        "/missing?%3Cscript%3E",
        "/missing?'\"--!><script>",
        "/.env/%3Cscript%3E",
    ] {
        for (method, field) in [
            ("GET", "Accept: text/html\r\n"),
            ("GET", "Accept: application/json\r\n"),
            ("GET", "Accept: text/html\r\nReferer: <script>\r\nUser-Agent: <script>\r\n"),
            ("GET", "Accept: text/html\r\nExpect: <script>\r\n"),
            ("BREW", "Accept: text/html\r\n"),
        ] {
            let answer = grounds.check_for(&program, method, path.as_bytes(), "localhost", field);
            assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
            for word in ["<script", "<svg", "onload", "alert"] {
                assert!(!answer.text().contains(word), "{path} has {word}: {}", answer.text());
            }
            let kind = answer.field("content-type").unwrap();
            let strict =
                answer.field("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'"));
            assert!(strict || kind == "application/problem+json", "{path}: {kind}");
        }
    }
}

#[test]
fn a_listing_shows_names_and_never_markup() {
    let grounds = Grounds::new();
    let program = grounds.serve();
    let answer = grounds.check_for(&program, "GET", b"/list/", "localhost", "Accept: text/html\r\n");
    assert_eq!((answer.status, answer.field("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = answer.text();
    for word in ["<svg", "<script", "\"><", "href=\"javascript:", "href=\"//", "onload=alert(1)>"] {
        assert!(!text.contains(word), "the listing has {word}: {text}");
    }
    assert!(text.contains("&lt;svg") && text.contains("harmless.txt"), "the names are there: {text}");
    assert!(!text.contains(".hidden") && !text.contains("Set-Cookie: a=b\r\n"), "{text}");
    let policy = answer.field("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let links: Vec<_> = text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let mut followed = 0;
    for link in links.iter().filter(|link| **link != "../") {
        let name = link.strip_prefix("./").unwrap_or_else(|| panic!("it may lead elsewhere: {link}"));
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)), "{link}");
        assert_eq!(program.get(&format!("/list/{name}")).text(), "listed\n", "{link}");
        followed += 1;
    }
    assert!(followed > 5, "each name has a link: {links:?}");
}

#[test]
fn the_folder_above_the_root_is_in_no_listing() {
    let grounds = Grounds::new();
    let program = grounds.serve();
    for path in ["/list/../..", "/list/..%2f..", "/list/%2e%2e/%2e%2e/", "/list/link-to-outside/", "/list/.hidden/"] {
        grounds.check_refusal(&program, "GET", path.as_bytes());
    }
}

#[test]
fn a_name_that_lies_about_its_request_is_answered_by_one_response() {
    let grounds = Grounds::new();
    let program = grounds.serve();
    let smuggled = "/file.txt%20HTTP/1.1%0d%0aHost:%20a%0d%0a%0d%0aGET%20/canary";
    let bytes =
        exchange(&program, format!("GET {smuggled} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes());
    assert_eq!(bytes.windows(9).filter(|nine| nine == b"HTTP/1.1 ").count(), 1);
    assert!(bytes.starts_with(b"HTTP/1.1 400 "));
}

mod names;
mod ranges;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, SystemTime};

use foobar_core::{BoxError, Response, ResponseBody, Size};
use futures_util::FutureExt;
use http::HeaderMap;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION};
use http_body_util::BodyExt;
use tempfile::TempDir;

use super::*;
use crate::file_source::FileSources;
use crate::request::NormalPath;
use crate::{Autoindex, Links, SiteSettings, WebSettings};

/// The answer, waited for where that has to be.
async fn serve(files: &StaticFiles, asked: &RequestView<'_>, path: &[u8]) -> Option<Reply> {
    match files.try_serve(asked, path) {
        Lookup::Found(reply) => Some(reply),
        Lookup::NotFound => None,
        Lookup::WouldBlock(unready) => files.wait(asked, path, unready).await,
    }
}

/// A folder `root` beside a folder `outside`, in which lies a secret.
struct Fixture {
    place: TempDir,
    files: StaticFiles,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Fixture {
    fn new(files: &[(&str, &[u8])]) -> Self {
        Self::with(files, |_| {})
    }

    /// One that looks at the disk for each request.
    fn without_cache(files: &[(&str, &[u8])]) -> Self {
        let site = Self::new(files);
        let web = WebSettings { file_cache_size: Size::bytes(0), ..WebSettings::default() };
        let shared = Files::compile(&web, FileSources::default()).unwrap();
        Self { files: StaticFiles::open(&shared, &site.root(""), options()).unwrap(), ..site }
    }

    fn with(files: &[(&str, &[u8])], change: impl FnOnce(&mut FilesOptions)) -> Self {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::create_dir(place.path().join("outside")).unwrap();
        fs::write(place.path().join("outside/canary"), "secret").unwrap();
        for (number, (name, content)) in files.iter().enumerate() {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + number as u64);
            File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        }
        let mut options = options();
        change(&mut options);
        Self { files: StaticFiles::open(&no_sources(), &root, options).unwrap(), place }
    }

    fn root(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join("root").join(name)
    }

    async fn respond(&self, method: &str, uri: &str, fields: &[(&str, &str)]) -> Option<Response> {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (request, ()) = request.body(()).unwrap().into_parts();
        let path = NormalPath::parse(request.uri.path()).unwrap();
        serve(&self.files, &RequestView::of(&request), path.as_bytes()).await.map(Reply::into_response)
    }

    async fn ask(&self, method: &str, uri: &str, fields: &[(&str, &str)]) -> Option<Answer> {
        let (head, body) = self.respond(method, uri, fields).await?.into_parts();
        let body = read(body).await.unwrap();
        Some(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn get(&self, uri: &str) -> Option<Answer> {
        self.ask("GET", uri, &[]).await
    }

    /// The status and the body that a `Range` gets.
    async fn range(&self, uri: &str, range: &str) -> (u16, Bytes) {
        let answer = self.ask("GET", uri, &[("range", range)]).await.unwrap();
        (answer.status, answer.body)
    }
}

impl Answer {
    fn header(&self, name: impl http::header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn no_sources() -> Files {
    Files::compile(&WebSettings::default(), FileSources::default()).unwrap()
}

pub(super) fn options() -> FilesOptions {
    FilesOptions {
        place: "the folder".to_owned(),
        assets: true,
        index: vec!["index.html".to_owned(), "index.txt".to_owned()],
        announce: HeaderRules::compile("sites.a", &SiteSettings::default(), None).unwrap(),
        encodings: Encodings::compile("sites.a", &SiteSettings::default()).unwrap(),
        links: Links::Inside,
        autoindex: Autoindex::Off,
        list_caching: HeaderValue::from_static("no-cache"),
        pace: None,
        max_ranges: 4,
        file: true,
        directory_index: true,
    }
}

/// Copies a body and holds no slice of it.
async fn read(mut body: ResponseBody) -> Result<Bytes, BoxError> {
    let mut content = Vec::new();
    while let Some(frame) = body.frame().await {
        content.extend_from_slice(&frame?.into_data().unwrap());
    }
    Ok(content.into())
}

/// Bytes that differ from slice to slice.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8 ^ (i >> 16) as u8).collect()
}

#[tokio::test]
async fn a_file_is_sent_with_its_type_length_and_validators() {
    let site = Fixture::new(&[("a b.html", b"<p>hello")]);
    let answer = site.get("/a%20b.html").await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"<p>hello"[..]));
    assert_eq!(answer.header(CONTENT_TYPE), "text/html; charset=utf-8");
    assert_eq!(answer.header(CONTENT_LENGTH), "8");
    assert_eq!(answer.header(ACCEPT_RANGES), "bytes");
    assert!(answer.header(ETAG).ends_with("-8\""));
    assert!(httpdate::parse_http_date(answer.header(LAST_MODIFIED)).is_ok());
}

#[tokio::test]
async fn files_of_every_size_arrive_whole() {
    for length in [0, 1, 65_536, 65_537, 131_072, 131_073, 400_000, 1_048_577, 3_000_000] {
        let content = noise(length);
        let site = Fixture::new(&[("f", &content)]);
        let response = site.respond("GET", "/f", &[]).await.unwrap();
        assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(length as u64));
        assert_eq!(read(response.into_body()).await.unwrap(), content, "{length}");
        let etag = site.get("/f").await.unwrap().header(ETAG).to_owned();
        let fresh = site.ask("GET", "/f", &[("if-none-match", "\"x\""), ("if-match", &etag)]).await.unwrap();
        assert_eq!((fresh.status, &fresh.body[..]), (200, &content[..]), "{length}");
    }
}

#[tokio::test]
async fn head_says_what_get_says_and_reads_nothing() {
    let site = Fixture::new(&[("a.html", b"hello")]);
    let (get, head) = (site.get("/a.html").await.unwrap(), site.ask("HEAD", "/a.html", &[]).await.unwrap());
    assert_eq!((head.status, head.headers), (200, get.headers));
    assert!(head.body.is_empty());

    File::create(site.root("huge")).unwrap().set_len(10 << 30).unwrap();
    let head = site.ask("HEAD", "/huge", &[("range", "bytes=0-0")]).await.unwrap();
    assert_eq!((head.status, head.header(CONTENT_LENGTH), head.body.len()), (200, "10737418240", 0));
    assert_eq!(site.range("/huge", "bytes=-2").await, (206, Bytes::from_static(&[0, 0])));
}

#[tokio::test]
async fn other_methods_are_refused_where_something_is_and_passed_on_where_nothing_is() {
    let site = Fixture::new(&[("a", b"a"), ("d/index.html", b"d")]);
    for uri in ["/a", "/d", "/d/"] {
        for (method, status) in [("POST", 405), ("DELETE", 405), ("TRACE", 405), ("WHAT", 405), ("OPTIONS", 204)] {
            let answer = site.ask(method, uri, &[("if-match", "\"x\"")]).await.unwrap();
            assert_eq!((answer.status, answer.header(ALLOW)), (status, "GET, HEAD, OPTIONS"), "{method} {uri}");
            assert!(answer.body.is_empty());
        }
    }
    assert!(site.ask("POST", "/missing", &[]).await.is_none());
    assert!(site.ask("OPTIONS", "/missing", &[]).await.is_none());
}

#[tokio::test]
async fn a_directory_answers_with_its_first_index() {
    let site =
        Fixture::new(&[("index.txt", b"top"), ("d/index.html", b"html"), ("d/index.txt", b"text"), ("e/f", b"")]);
    let top = site.get("/").await.unwrap();
    assert_eq!((top.header(CONTENT_TYPE), &top.body[..]), ("text/plain; charset=utf-8", &b"top"[..]));
    assert_eq!(site.get("/d/").await.unwrap().body, "html");
    assert!(site.get("/e/").await.is_none());
    fs::create_dir_all(site.root("g/index.html")).unwrap();
    assert!(site.get("/g/").await.is_none());
}

#[tokio::test]
async fn a_directory_without_its_slash_redirects_on_this_origin() {
    let site = Fixture::new(&[
        ("d/index.html", b""),
        ("d/e/index.html", b""),
        ("evil.com/index.html", b""),
        ("\\evil.com/index.html", b""),
        ("a b?/index.html", b""),
        ("empty/file", b""),
    ]);
    for (uri, location) in [
        ("/d", "/d/"),
        ("/d?a=b&c=%0d%0a", "/d/?a=b&c=%0d%0a"),
        ("/d?", "/d/?"),
        ("/d/./e", "/d/e/"),
        ("/d/x/../e", "/d/e/"),
        ("//evil.com", "/evil.com/"),
        ("//evil.com/d/..//../evil.com", "/evil.com/"),
        ("///evil.com", "/evil.com/"),
        ("http://a/evil.com", "/evil.com/"),
        ("/%5Cevil.com", "/%5Cevil.com/"),
        ("/a%20b%3f", "/a%20b%3F/"),
    ] {
        let answer = site.get(uri).await.unwrap();
        assert_eq!((answer.status, answer.header(LOCATION)), (301, location), "{uri}");
    }
    assert!(site.get("/empty").await.is_none(), "there is nothing to show behind the slash");
    assert!(site.get("//evil.com/..").await.is_none());
}

#[tokio::test]
async fn the_redirect_of_a_directory_keeps_the_prefix_of_its_route() {
    let site = Fixture::new(&[("d/index.html", b"")]);
    let (request, ()) = http::Request::get("/static/d?q").body(()).unwrap().into_parts();
    for path in ["/d", "d"] {
        let response = serve(&site.files, &RequestView::of(&request), path.as_bytes()).await.unwrap().into_response();
        assert_eq!(response.headers()[LOCATION], "/static/d/?q");
    }
}

#[tokio::test]
async fn try_files_chooses_between_files_and_directories() {
    let entries: &[(&str, &[u8])] = &[("a", b"a"), ("d/index.html", b"d")];
    let files = Fixture::with(entries, |options| options.directory_index = false);
    assert_eq!(files.get("/a").await.unwrap().body, "a");
    assert!(files.get("/d").await.is_none() && files.get("/d/").await.is_none());
    let directories = Fixture::with(entries, |options| options.file = false);
    assert!(directories.get("/a").await.is_none());
    assert_eq!(directories.get("/d/").await.unwrap().body, "d");
}

#[tokio::test]
async fn not_modified_has_validators_and_no_content_headers() {
    let site = Fixture::new(&[("a.html", b"hello")]);
    let full = site.get("/a.html").await.unwrap();
    for method in ["GET", "HEAD"] {
        for field in [("if-none-match", full.header(ETAG)), ("if-modified-since", full.header(LAST_MODIFIED))] {
            let answer = site.ask(method, "/a.html", &[field, ("range", "bytes=0-0")]).await.unwrap();
            assert_eq!((answer.status, answer.body.len()), (304, 0));
            assert_eq!(answer.headers.len(), 3);
            assert_eq!(answer.headers["x-content-type-options"], "nosniff");
            assert_eq!(answer.headers[ETAG], full.headers[ETAG]);
            assert_eq!(answer.headers[LAST_MODIFIED], full.headers[LAST_MODIFIED]);
        }
    }
}

#[tokio::test]
async fn a_failed_precondition_comes_before_the_range() {
    let site = Fixture::new(&[("a", b"hello")]);
    let answer = site.ask("GET", "/a", &[("if-match", "\"x\""), ("range", "bytes=9-")]).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (412, 0));
}

#[tokio::test]
async fn a_large_file_changed_within_the_second_changes_its_tag() {
    let site = Fixture::without_cache(&[("a", &noise(100_000))]);
    let tag = site.get("/a").await.unwrap().header(ETAG).to_owned();
    let file = File::options().write(true).open(site.root("a")).unwrap();
    let time = file.metadata().unwrap().modified().unwrap();
    file.set_modified(time + Duration::from_nanos(1)).unwrap();
    assert_eq!(site.ask("GET", "/a", &[("if-none-match", &tag)]).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_small_file_keeps_its_tag_as_long_as_it_keeps_its_content() {
    let site = Fixture::without_cache(&[("a", b"one")]);
    let tag = site.get("/a").await.unwrap().header(ETAG).to_owned();
    let file = File::options().write(true).open(site.root("a")).unwrap();
    let time = file.metadata().unwrap().modified().unwrap();
    let field = [("if-none-match", &*tag)];
    let ask = || site.ask("GET", "/a", &field);
    file.set_modified(time + Duration::from_secs(1)).unwrap();
    assert_eq!(ask().await.unwrap().status, 304);
    fs::write(site.root("a"), "two").unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(ask().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_date_that_tells_nothing_is_neither_said_nor_listened_to() {
    let site = Fixture::new(&[("a", b"hello")]);
    let file = File::options().write(true).open(site.root("a")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    let date = "Thu, 01 Jan 1970 00:00:01 GMT";
    let full = site.get("/a").await.unwrap();
    assert!(!full.headers.contains_key(LAST_MODIFIED));
    assert_eq!(site.ask("GET", "/a", &[("if-modified-since", date)]).await.unwrap().status, 200);
    let continued = site.ask("GET", "/a", &[("range", "bytes=1-"), ("if-range", date)]).await.unwrap();
    assert_eq!((continued.status, &continued.body[..]), (200, &b"hello"[..]));
    let known = site.ask("GET", "/a", &[("if-none-match", full.header(ETAG))]).await.unwrap();
    assert_eq!((known.status, known.headers.contains_key(LAST_MODIFIED)), (304, false));
}

#[tokio::test]
async fn of_a_large_file_no_more_than_one_slice_is_in_memory_for_a_client() {
    let site = Fixture::new(&[("f", &noise(2 << 20))]);
    let mut body = site.respond("GET", "/f", &[]).await.unwrap().into_body();
    let slice = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(slice.len() <= 32 << 10, "{}", slice.len());
    assert!(body.frame().now_or_never().is_none(), "the slice is still held");
    let (next, ()) = futures_util::future::join(body.frame(), async { drop(slice) }).await;
    assert!(!next.unwrap().unwrap().into_data().unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_sent_ends_in_an_error() {
    let site = Fixture::new(&[("f", &noise(2 << 20))]);
    let mut body = site.respond("GET", "/f", &[]).await.unwrap().into_body();
    File::options().write(true).open(site.root("f")).unwrap().set_len(200_000).unwrap();
    let mut sent = 0;
    let error: BoxError = loop {
        match body.frame().await.expect("an error before the end") {
            Ok(frame) => sent += frame.into_data().unwrap().len(),
            Err(error) => break error,
        }
    };
    assert!(sent <= 200_000, "{sent}");
    assert_eq!(error.to_string(), "the file became shorter while it was read");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_file_that_grows_or_is_replaced_while_it_is_sent_keeps_its_announced_length() {
    let content = noise(2 << 20);
    let site = Fixture::new(&[("grows", &content), ("replaced", &content)]);
    let grows = site.respond("GET", "/grows", &[]).await.unwrap();
    let replaced = site.respond("GET", "/replaced", &[]).await.unwrap();
    fs::write(site.root("grows"), [&content[..], b"more"].concat()).unwrap();
    fs::write(site.root("new"), "new").unwrap();
    fs::rename(site.root("new"), site.root("replaced")).unwrap();
    assert_eq!(read(grows.into_body()).await.unwrap(), content);
    assert_eq!(read(replaced.into_body()).await.unwrap(), content);
}

#[tokio::test]
async fn an_error_page_is_read_whole_up_to_its_limit() {
    let site = Fixture::new(&[("404.html", b"gone"), ("large.html", &vec![0; (1 << 20) + 1])]);
    let (content_type, content) = site.files.page(b"/404.html").await.unwrap();
    assert_eq!((content_type.to_str().unwrap(), &content[..]), ("text/html; charset=utf-8", &b"gone"[..]));
    for path in ["/missing.html", "/large.html", "/"] {
        assert!(site.files.page(path.as_bytes()).await.is_none(), "{path}");
    }
}

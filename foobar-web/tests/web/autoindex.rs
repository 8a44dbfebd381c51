//! The lists of directories.

use std::fs::File;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::support::Server;

fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    for name in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is writable");
        std::fs::write(path, "content").expect("the folder is writable");
    }
    folder
}

#[test]
fn a_folder_without_an_index_is_listed_as_autoindex_says() {
    let root = folder(&["d/b.txt", "d/sub/x", "with/index.html"]);
    let file = File::options().write(true).open(root.path().join("d/b.txt"));
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_709_251_199);
    file.and_then(|file| file.set_modified(time)).expect("the file is ours");
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{0}'\nautoindex = 'html'\n\
         [sites.a.routes]\n'/json/' = {{ files = '{0}', autoindex = 'json' }}\n\
         '/on/' = {{ files = '{0}', autoindex = 'on' }}\n'/off/' = {{ files = '{0}', autoindex = 'off' }}\n\
         '/files/' = {{ files = '{0}', try_files = ['file', '=404'] }}\n",
        root.path().display()
    ));
    let mut client = server.connect();
    let page = client.get("/d/");
    assert_eq!((page.status(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!((page.header("cache-control"), page.header("last-modified")), (Some("no-cache"), None));
    let policy = page.header("content-security-policy").expect("it has one");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("script"), "{policy}");
    assert!(page.body.contains("<h1>Index of /d/</h1>"), "{}", page.body);
    assert!(page.body.contains("<a href=\"../\">../</a>") && page.body.contains("<a href=\"./sub/\">sub/</a>"));
    assert!(page.body.contains("<a href=\"./b.txt\">b.txt</a><td>7 B<td>29 Feb 2024 23:59\n"), "{}", page.body);

    assert_eq!(client.get("/d").header("location"), Some("/d/"));
    assert_eq!(client.get("/with/").body, "content");
    assert_eq!(client.get("/none/").body, "GET /none/");
    let json = client.get("/json/d/");
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert!(json.body.starts_with("[\n  {\n    \"name\": \"sub\",\n    \"type\": \"directory\","), "{}", json.body);
    assert_eq!(client.get("/json/d").header("location"), Some("/json/d/"));
    assert_eq!(client.get("/on/d/").header("vary"), Some("accept"));
    assert_eq!((client.get("/off/d/").status(), client.get("/off/d").status()), (404, 404));
    assert_eq!((client.get("/files/d/").status(), client.get("/files/d").status()), (404, 404));

    client.send("GET /on/d/ HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n");
    assert_eq!(client.answer().header("content-type"), Some("application/json"));
    client.send("HEAD /d/ HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.answer_to("HEAD");
    assert_eq!((head.status(), head.header("content-length")), (200, page.header("content-length")));
    for (method, status) in [("POST", 405), ("OPTIONS", 204)] {
        client.send(format!("{method} /d/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status(), answer.header("allow")), (status, Some("GET, HEAD, OPTIONS")));
    }
}

#[test]
fn a_list_shows_what_is_served_and_every_link_leads_to_it() {
    let names = ["\"><svg onload=x>", "javascript:x", "caf\u{e9} & 100%?#", "a\\b", "-n", "x%2Fy", "plain"];
    let root = folder(&names);
    for hidden in [".env", "new\nline"] {
        std::fs::write(root.path().join(hidden), "").expect("the folder is writable");
    }
    std::os::unix::fs::symlink("/etc/passwd", root.path().join("out")).expect("the folder is writable");
    std::os::unix::fs::symlink("plain", root.path().join("in")).expect("the folder is writable");
    let server = Server::start(&format!("[sites.a]\nroot = '{}'\nautoindex = 'html'\n", root.path().display()));
    let mut client = server.connect();
    let page = client.get("/").body;
    assert!(!page.contains("<svg") && !page.contains("href=\"javascript") && !page.contains("../"), "{page}");
    let links: Vec<&str> =
        page.split("href=\"./").skip(1).map(|rest| rest.split('"').next().expect("it ends")).collect();
    assert_eq!(links.len(), names.len() + 1, "{links:?}");
    for link in links {
        assert_eq!(client.get(&format!("/{link}")).body, "content", "{link}");
    }
}

#[test]
fn a_list_is_made_anew_when_the_folder_has_changed() {
    let root = folder(&["d/one"]);
    let server = Server::start(&format!("[sites.a]\nroot = '{}'\nautoindex = 'json'\n", root.path().display()));
    let mut client = server.connect();
    assert!(client.get("/d/").body.contains("\"one\""));
    std::fs::write(root.path().join("d/two"), "").expect("the folder is writable");
    assert!(client.get("/d/").body.contains("\"two\""));
}

#[test]
fn a_large_folder_is_sorted_and_cut_into_pages_that_name_the_next_one_in_both_forms() {
    let root = folder(&[]);
    let count = 10_003;
    for number in (0..count).rev() {
        std::fs::write(root.path().join(format!("{number:05}")), "").expect("the folder is writable");
    }
    for hidden in ["zz-dir", ".hidden"] {
        std::fs::create_dir(root.path().join(hidden)).expect("the folder is writable");
    }
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{0}'\nautoindex = 'json'\n\
         [sites.a.routes]\n'/html/' = {{ files = '{0}', autoindex = 'html' }}\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for query in ["", "?page=1", "?x=y&page=1"] {
        let first = client.get(&format!("/{query}"));
        assert_eq!(first.header("link"), Some("<?page=2>; rel=\"next\""));
        assert_eq!(first.body.matches("\"name\"").count(), 10_000);
        assert!(
            first.body.contains("\"zz-dir\"") && first.body.contains("\"09998\"") && !first.body.contains("\"09999\"")
        );
    }
    let second = client.get("/?page=2");
    assert_eq!((second.header("link"), second.body.matches("\"name\"").count()), (None, 4));
    assert!(second.body.contains("\"09999\"") && second.body.contains("\"10002\""), "{}", second.body);

    let first = client.get("/html/");
    assert_eq!(first.header("link"), Some("<?page=2>; rel=\"next\""));
    assert!(first.body.contains("There are more; 10000 are shown.") && first.body.contains("href=\"?page=2\""));
    let second = client.get("/html/?page=2").body;
    assert!(second.contains("href=\"?page=1\"") && second.contains("10002") && !second.contains("There are more"));
    for page in ["3", "0", "-1", "x", "", "18446744073709551615", "18446744073709551616"] {
        assert_eq!(client.get(&format!("/html/?page={page}")).status(), 404, "{page}");
    }
}

#[test]
fn a_list_is_compressed_as_the_client_and_the_site_want_it() {
    let names: Vec<String> = (0..200).map(|number| format!("file-{number}")).collect();
    let root = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let list = |settings: &str, accepted: &str| {
        let server = Server::start(&format!("[sites.a]\nroot = '{}'\n{settings}", root.path().display()));
        let mut client = server.connect();
        client.send(format!("HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accepted}\r\n\r\n"));
        let answer = client.answer_to("HEAD");
        let length: usize = answer.header("content-length").expect("it has one").parse().expect("it is a number");
        let field = |name: &str| answer.header(name).map(str::to_owned);
        (field("content-encoding"), field("vary"), length)
    };
    let vary = || Some("accept-encoding".to_owned());
    for autoindex in ["autoindex = 'html'\n", "autoindex = 'json'\n"] {
        let (coding, varies, whole) = list(autoindex, "identity");
        assert_eq!((coding, varies), (None, vary()));
        for coding in ["br", "zstd", "gzip"] {
            let (chosen, varies, length) = list(autoindex, coding);
            assert_eq!((chosen.as_deref(), varies), (Some(coding), vary()));
            assert!(length * 3 < whole, "{length} of {whole}");
        }
        for off in ["compress = []\n", "compress_types = ['text/css']\n", "compress_min_size = '1MiB'\n"] {
            assert_eq!(list(&format!("{autoindex}{off}"), "gzip"), (None, None, whole), "{off}");
        }
    }
}

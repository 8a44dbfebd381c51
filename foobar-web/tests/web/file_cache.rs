//! The cache of files, as clients and operators see it.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use crate::support::{Client, Server, wait_until};

/// A site over `root`, a link to a folder beside it.
fn start(web: &str) -> (Server, TempDir) {
    let place = tempfile::tempdir().expect("the temporary folder is writable");
    fs::create_dir(place.path().join("first")).expect("the folder is writable");
    symlink("first", place.path().join("root")).expect("the folder is writable");
    let root = place.path().join("root");
    (
        Server::start(&format!("[web]\n{web}\n[sites.a]\nroot = '{}'\ntry_files = ['file', 'index']", root.display())),
        place,
    )
}

fn write(place: &TempDir, name: &str, content: impl AsRef<[u8]>) {
    fs::write(place.path().join(name), content).expect("the folder is writable");
}

fn metric(server: &Server, name: &str) -> u64 {
    let metrics = server.metrics();
    let line = metrics.lines().find(|line| line.starts_with(&format!("foobar_web_file_cache_{name} ")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("the metric is there")
}

/// Asks until the status and the body are these.
fn wait_for(client: &mut Client, path: &str, expected: (u16, &str)) {
    wait_until(path, || {
        let answer = client.get(path);
        (answer.status(), answer.body.as_str()) == expected || (answer.status(), expected.0) == (404, 404)
    });
}

#[test]
fn a_changed_a_new_and_a_removed_file_are_seen_at_once() {
    let (server, place) = start("file_cache_valid = '1h'\nkeepalive_requests = 1000000");
    write(&place, "root/f", "one");
    let mut client = server.connect();
    assert_eq!(client.get("/f").body, "one");
    assert_eq!(client.get("/new").status(), 404);
    write(&place, "root/f", "two");
    wait_for(&mut client, "/f", (200, "two"));
    write(&place, "root/new", "new");
    wait_for(&mut client, "/new", (200, "new"));
    fs::remove_file(place.path().join("root/f")).expect("it is there");
    wait_for(&mut client, "/f", (404, ""));
}

#[test]
fn a_link_that_names_the_root_is_followed_anew_within_file_cache_valid() {
    let (server, place) = start("file_cache_valid = '500ms'\nkeepalive_requests = 1000000");
    write(&place, "root/f", "first");
    let mut client = server.connect();
    assert_eq!(client.get("/f").body, "first");
    fs::create_dir(place.path().join("second")).expect("the folder is writable");
    write(&place, "second/f", "second");
    symlink("second", place.path().join("next")).expect("the folder is writable");
    fs::rename(place.path().join("next"), place.path().join("root")).expect("the folder is writable");
    wait_until("the link is followed", || client.get("/f").body != "first");
    assert_eq!(client.get("/f").body, "second");
}

#[test]
fn hits_misses_memory_and_open_files_are_counted() {
    let (server, place) = start("file_cache_valid = '1h'");
    write(&place, "root/small", "content");
    write(&place, "root/large", vec![b'x'; 2 << 20]);
    let mut client = server.connect();
    client.get("/small");
    let (hits, misses) = (metric(&server, "hits_total"), metric(&server, "misses_total"));
    assert_eq!((hits, misses), (0, 1));
    assert!(metric(&server, "bytes") > 0);
    assert_eq!(metric(&server, "descriptors"), 0);
    for _ in 0..5 {
        assert_eq!(client.get("/small").body, "content");
    }
    assert_eq!((metric(&server, "hits_total"), metric(&server, "misses_total")), (hits + 5, misses));
    assert_eq!(client.get("/large").body.len(), 2 << 20);
    assert_eq!(metric(&server, "descriptors"), 1);
}

#[test]
fn a_file_that_becomes_shorter_while_it_is_sent_cuts_the_connection() {
    let (server, place) = start("");
    write(&place, "root/f", vec![b'x'; 64 << 20]);
    let mut client = server.connect();
    client.send("GET /f HTTP/1.1\r\nHost: a\r\n\r\nGET /f HTTP/1.1\r\nHost: a\r\n\r\n");
    std::io::BufRead::fill_buf(&mut client.stream).expect("it is sent");
    let file = fs::File::options().write(true).open(place.path().join("root/f")).expect("it is there");
    file.set_len(1 << 20).expect("it can be cut");
    let received = client.rest();
    assert_eq!(received.matches("HTTP/1.1 ").count(), 1, "nothing follows what was cut");
    assert!(received.len() < 64 << 20);
}

#[test]
fn with_file_cache_size_0_every_request_looks_at_the_disk() {
    let (server, place) = start("file_cache_size = '0'\nfile_cache_valid = '1h'");
    let mut client = server.connect();
    for content in ["one", "two", "three"] {
        write(&place, "root/f", content);
        assert_eq!(client.get("/f").body, content);
    }
    fs::remove_file(place.path().join("root/f")).expect("it is there");
    assert_eq!(client.get("/f").status(), 404);
    fs::remove_file(place.path().join("root")).expect("it is there");
    fs::create_dir(place.path().join("root")).expect("the folder is writable");
    write(&place, "root/f", "new root");
    assert_eq!(client.get("/f").body, "new root");
}

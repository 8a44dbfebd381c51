//! What a file is sent with, by the fast path and by the pipeline alike.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::support::{Server, folder, thrice};

#[test]
fn what_is_taken_for_a_fingerprint_and_what_is_not() {
    const DRAWN: [&str; 4] = ["app.3f2a9c1b.js", "index-BX3f9a2c.css", "chunk-TGKSVFLI.js", "base.5af66c1b1797.css"];
    const WRITTEN: [&str; 10] = [
        "HomePage.js",
        "app-OAuth2UI.js",
        "app-SHA256JS.js",
        "x-3DViewer.js",
        "font-SFProTxt.woff2",
        "photo-DJI0042X.jpg",
        "face2face2.css",
        "24dec26dec.html",
        "app-20240101a2b.js",
        "e2e4e7e5.html",
    ];
    let files: Vec<_> = DRAWN.iter().chain(&WRITTEN).map(|name| (*name, "content")).collect();
    let root = folder(&files);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\ncache_control = ['fingerprinted immutable']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (name, _) in files {
        let immutable = DRAWN.contains(&name).then_some("public, max-age=31536000, immutable");
        for answer in thrice(&mut client, &format!("/{name}"), "") {
            assert_eq!((answer.status(), answer.header("cache-control")), (200, immutable), "{name}");
        }
    }
}

#[test]
fn two_contents_of_one_size_and_time_have_two_tags_and_each_is_met() {
    let root = folder(&[("a.txt", "one"), ("b.txt", "two")]);
    for name in ["a.txt", "b.txt"] {
        let file = File::options().write(true).open(root.path().join(name)).expect("it is there");
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(old).expect("it is ours");
    }
    let server = Server::start(&format!("[sites.a]\nroot = '{}'\n", root.path().display()));
    let mut client = server.connect();
    let mut tag = |path: &str| {
        let tags =
            thrice(&mut client, path, "").map(|answer| answer.header("etag").expect("a file has one").to_owned());
        assert!(tags.iter().all(|tag| *tag == tags[0] && !tag.starts_with("W/")), "{tags:?}");
        for (fields, status) in [(format!("If-None-Match: {}\r\n", tags[0]), 304), ("If-Match: \"x\"\r\n".into(), 412)]
        {
            for answer in thrice(&mut client, path, &fields) {
                assert_eq!(answer.status(), status, "{fields}");
            }
        }
        tags[0].clone()
    };
    assert_ne!(tag("/a.txt"), tag("/b.txt"));
}

#[test]
fn as_many_ranges_as_updaters_ask_for_and_no_more_than_the_site_says() {
    let root = folder(&[("image.bin", &"0123456789".repeat(1_000))]);
    let server = Server::start(&format!("[sites.a]\nroot = '{}'\n", root.path().display()));
    let mut client = server.connect();
    let ranges = |count: usize| {
        let ranges: Vec<_> = (0..count).map(|number| format!("{}-{}", number * 20, number * 20 + 1)).collect();
        format!("Range: bytes={}\r\n", ranges.join(","))
    };
    for (count, status) in [(1, 206), (20, 206), (127, 206), (256, 206), (257, 200)] {
        for answer in thrice(&mut client, "/image.bin", &ranges(count)) {
            assert_eq!(answer.status(), status, "{count}");
            assert!(status == 200 || answer.body.matches("01").count() >= count, "{count}: {}", answer.body);
        }
    }
}

#[test]
fn a_type_is_the_registered_one() {
    let types = [
        ("font.otf", "font/otf"),
        ("live.m3u8", "application/vnd.apple.mpegurl"),
        ("cube.obj", "model/obj"),
        ("talk.key", "application/vnd.apple.keynote"),
        ("family.ged", "text/vnd.familysearch.gedcom; charset=utf-8"),
    ];
    let root = folder(&types.map(|(name, _)| (name, "content")));
    let server = Server::start(&format!("[sites.a]\nroot = '{}'\n", root.path().display()));
    let mut client = server.connect();
    for (name, media_type) in types {
        for answer in thrice(&mut client, &format!("/{name}"), "") {
            assert_eq!(answer.header("content-type"), Some(media_type), "{name}");
        }
    }
}

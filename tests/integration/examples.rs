//! The small examples, run as a reader would.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::Program;

/// The names in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_site_has_the_shape_of_a_new_package() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Program::foobar(folder.path()).args(["new", "site"]).output().unwrap().status.success());
    let (package, site) = (folder.path().join("site"), Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/site"));
    let mut expected = names(&package);
    // What is Foobar's own, as the site is an example of its package; askama's templates lie beside a Cargo.toml otherwise.
    ["Cargo.toml", "build.rs", ".gitignore", ".dockerignore"].iter().for_each(|name| assert!(expected.remove(*name)));
    expected.insert("askama.toml".to_owned());
    assert_eq!(names(&site), expected);
    for folder in ["deploy", "migrations"] {
        assert_eq!(names(&site.join(folder)), names(&package.join(folder)), "{folder}");
    }
    for file in ["main.rs", "pages.rs", "schema.rs", "tests.rs"] {
        assert!(package.join("src").join(file).is_file() && site.join("src").join(file).is_file(), "{file}");
    }
}

#[test]
fn hello_is_at_most_fifteen_lines_and_says_hello() {
    let source = include_str!("../../examples/hello.rs");
    assert!(source.lines().count() <= 15);
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("hello", folder.path()));
    let answer = program.get("/");
    assert_eq!((answer.status, answer.text()), (200, "Hello, World!\n"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it has no need of a database");
}

#[test]
fn the_readme_shows_hello_as_it_is() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(include_str!("../../examples/hello.rs").trim_end()));
}

#[test]
fn the_script_of_the_guide_is_that_of_the_events_example() {
    let blocks = crate::support::guide::blocks("streams.md", "the_script_of_the_guide_is_that_of_the_events_example");
    assert_eq!(blocks.len(), 1);
    assert!(include_str!("../../examples/events.rs").contains(blocks[0].trim_end()), "{blocks:?}");
}

#[test]
fn events_go_on_after_the_last_that_the_client_has_seen() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("events", folder.path()));
    let page = program.get("/");
    assert!(page.header("content-type").unwrap().starts_with("text/html") && page.text().contains("/page.js"));
    let script = program.get("/page.js");
    assert!(script.header("content-type").unwrap().starts_with("text/javascript"), "{script:?}");
    let mut client = program.client();
    client.send("GET /seconds HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 41\r\n\r\n");
    program.signal("TERM");
    let answer = client.answer("GET");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    assert!(answer.text().is_empty() || answer.text().starts_with("id: 42\ndata: 42\n\n"), "{}", answer.text());
}

#[test]
fn axum_serves_a_router_as_the_application() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("axum", folder.path()));
    let answer = program.get("/");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("axum"), "{}", answer.text());
    assert!(answer.header("x-request-id").is_some(), "the defaults of the application tier hold for it too");
}

#[test]
fn embed_serves_twice_and_stops_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let output = Program::example("embed", folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.windows(7).filter(|seven| seven == b"http://").count() >= 2);
}

#[test]
fn assets_serves_files_from_inside_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("assets", folder.path()));
    let answer = program.get("/site.css");
    assert_eq!((answer.status, answer.header("content-type").unwrap()), (200, "text/css; charset=utf-8"));
    assert_eq!(answer.text(), include_str!("../../examples/site/public/site.css"));
    assert_eq!(program.get("/pictures/missing.svg").status, 404);
}

//! The Dockerfiles of the guide, of the example site and of new packages. No container is built here: what they copy has to be there, what they
//! start has to have been made, and what they set has to be a key.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::Program;

/// The instructions of a Dockerfile: the word and what follows it, with the lines that go on joined.
fn instructions(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(word, rest)| (word.to_owned(), rest.to_owned())).collect()
}

/// What follows this instruction, wherever it is.
fn all<'a>(instructions: &'a [(String, String)], word: &str) -> Vec<&'a str> {
    instructions.iter().filter(|(other, _)| other == word).map(|(_, rest)| rest.as_str()).collect()
}

/// Judges the Dockerfile of the package `name`, whose files are in `context`.
fn judge(text: &str, name: &str, context: &Path) {
    let instructions = instructions(text);
    let made = what_is_made(&all(&instructions, "RUN"), name);
    let mut stages = BTreeSet::from(["foobar"]); // a build context that the command names
    stages.extend(all(&instructions, "FROM").iter().filter_map(|from| Some(from.split_once(" AS ")?.1)));
    for copy in all(&instructions, "COPY") {
        match copy.strip_prefix("--from=").map(|rest| rest.split_once(' ').unwrap()) {
            Some(("foobar", _)) => {}
            Some((stage, rest)) => {
                assert!(stages.contains(stage), "{copy}");
                assert_eq!(rest, format!("{made} /usr/local/bin/{name}"), "what was made is what is copied");
            }
            None => assert!(context.join(copy.split(' ').next().unwrap()).exists(), "{copy}"),
        }
    }
    assert_eq!(all(&instructions, "CMD"), [format!("[\"{name}\"]")], "as a list, so that signals reach it");
    let user = all(&instructions, "USER");
    assert!(
        all(&instructions, "RUN").iter().any(|run| run.starts_with("useradd") && run.ends_with(user[0])),
        "{user:?}"
    );
    it_listens_where_it_says(&instructions);
}

/// Where `cargo build` leaves the program for the next stage.
fn what_is_made(runs: &[&str], name: &str) -> String {
    let build = runs.iter().find(|run| run.contains("cargo build --release")).expect("it is built");
    let folder = if build.contains(&format!(" --example {name} ")) { "release/examples" } else { "release" };
    let (_, copied) =
        build.split_once(&format!("&& cp target/{folder}/{name} ")).expect("it is kept: target/ is a cache");
    copied.to_owned()
}

/// The variables are keys, and the port is one that is exposed.
fn it_listens_where_it_says(instructions: &[(String, String)]) {
    let folder = tempfile::tempdir().unwrap();
    let variables = all(instructions, "ENV").join(" ");
    let variables = variables.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    let of_program = |name: &str| name.starts_with("FOOBAR__SHOP__"); // a section of the example site's own
    let variables: Vec<_> = variables.filter(|(name, _)| !of_program(name)).collect();
    let mut command = Program::foobar(folder.path());
    let output = command.args(["config", "--root", "."]).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    for port in all(instructions, "EXPOSE") {
        assert!(shown.contains(&format!("web.listen = [\"0.0.0.0:{port}\"]  # FOOBAR__WEB__LISTEN")), "{shown}");
    }
    assert!(shown.contains("admin.listen = \"0.0.0.0:9180\"  # FOOBAR__ADMIN__LISTEN"), "for probes: {shown}");
}

#[test]
fn the_dockerfile_of_the_guide_makes_what_it_starts() {
    let blocks = crate::support::guide::blocks("deployment.md", "the_dockerfile_of_the_guide_makes_what_it_starts");
    let package = tempfile::tempdir().unwrap();
    assert_eq!(blocks.len(), 1);
    judge(&blocks[0], "shop", package.path());
}

#[test]
fn the_dockerfile_of_the_example_site_makes_what_it_starts() {
    let text = include_str!("../../examples/site/Dockerfile");
    judge(text, "site", Path::new(env!("CARGO_MANIFEST_DIR")));
    let (public, folder) = all(&instructions(text), "COPY")
        .into_iter()
        .find_map(|copy| copy.split_once(' ').filter(|(from, _)| from.ends_with("/public")))
        .map(|(from, to)| (from.to_owned(), to.to_owned()))
        .expect("the static files lie beside the program");
    assert_eq!(public, "examples/site/public");
    assert!(text.contains(&format!("FOOBAR__SITES__DEFAULT__ROOT={folder}")), "it serves them from there: {text}");
}

#[test]
fn the_dockerfile_of_a_new_package_makes_what_it_starts() {
    for options in [&[][..], &["--api", "--no-database"], &["--axum"], &["--foobar", "https://example.com/foobar.git"]]
    {
        let folder = tempfile::tempdir().unwrap();
        let made = Program::foobar(folder.path()).args(["new", "blog"]).args(options).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let package = folder.path().join("blog");
        let text = fs::read_to_string(package.join("Dockerfile")).unwrap();
        judge(&text, "blog", &package);
        let has_database = !options.contains(&"--no-database");
        assert_eq!(text.contains("VOLUME /data"), has_database, "{options:?}");
    }
}

//! Blocks that show a part of what stands elsewhere: they are held against it.

use std::io::Write;
use std::process::{Command, Stdio};

use foobar::{Json, routes, web};
use serde_json::Value;

use super::manifest;
use crate::support::guide::blocks;

fn block(page: &str, test: &str) -> String {
    let [block] = blocks(page, test).try_into().unwrap();
    block
}

#[test]
fn the_folders_of_migrations_are_drawn_as_those_of_the_example_site() {
    let drawn = block("migrations.md", "the_folders_of_migrations_are_drawn_as_those_of_the_example_site");
    let site = super::docs().join("../examples/site");
    let mut path: Vec<&str> = Vec::new();
    let mut files = 0;
    for line in drawn.lines() {
        let name = line.trim_start_matches([' ', '│', '├', '└', '─']);
        path.truncate((line.chars().count() - name.chars().count()) / 4);
        path.push(name.trim_end_matches('/'));
        assert!(site.join(path.join("/")).exists(), "{line}");
        files += usize::from(name.ends_with(".sql"));
    }
    assert_eq!(files, 4, "{drawn}");
}

#[derive(serde::Deserialize, garde::Validate)]
struct Order {
    #[garde(length(chars, min = 1))]
    article: String,
    #[garde(range(min = 1, max = 100))]
    pieces: u32,
}

async fn order(_: Json<Order>) -> &'static str {
    "it is refused"
}

#[tokio::test]
async fn the_problem_of_a_wrong_body_is_as_the_guide_shows_it() {
    let shown = block("forms.md", "the_problem_of_a_wrong_body_is_as_the_guide_shows_it");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let client = foobar::test::client(routes(|routes| _ = routes.route("/", web::post().to(order)))).await;
    let answer = client.post("/").json(&serde_json::json!({ "article": 5, "pieces": "two" })).await;
    let mut told: Value = answer.json();
    told.as_object_mut().unwrap().remove("instance"); // the request's id, which the guide leaves out
    assert_eq!(told, shown);
}

#[test]
fn prometheus_is_sent_to_the_default_address_of_the_admin_listener() {
    let shown = block("logs.md", "prometheus_is_sent_to_the_default_address_of_the_admin_listener");
    let reference = include_str!("../../../CONFIGURATION.md");
    let (_, admin) = reference.split_once("## `[admin]`").unwrap();
    let default =
        admin.lines().find_map(|line| line.strip_prefix("| `listen` | `")).unwrap().split('`').next().unwrap();
    assert!(shown.contains(&format!("- targets: [{default}]")), "{default}: {shown}");
}

#[test]
fn the_metadata_of_a_migration_is_as_one_of_the_tests_has_it() {
    let shown = block("migrations.md", "the_metadata_of_a_migration_is_as_one_of_the_tests_has_it");
    assert_eq!(shown, include_str!("../../programs/starting/half/2026-01-02-000000_likes/metadata.toml"));
}

#[test]
fn cargo_takes_the_profile_in_which_a_sign_in_is_fast() {
    let profile = block("accounts.md", "cargo_takes_the_profile_in_which_a_sign_in_is_fast");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/main.rs"), "fn main() {}\n").unwrap();
    let package = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
    std::fs::write(folder.path().join("Cargo.toml"), format!("{package}{profile}\n[workspace]\n")).unwrap();
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--offline", "--no-deps", "--format-version", "1"]).current_dir(folder.path());
    let output = cargo.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let profile: toml::Table = profile.parse().unwrap();
    for (name, _) in profile["profile"]["dev"]["package"].as_table().unwrap() {
        assert!(manifest::locked(name).next().is_some(), "{name} is no package of Foobar's");
    }
}

#[test]
fn ruby_can_read_the_action_in_rails() {
    let action = block("from-rails.md", "ruby_can_read_the_action_in_rails");
    let mut ruby = Command::new("ruby");
    ruby.args(["-W", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut ruby = ruby.spawn().expect("ruby is installed (tests/run does it on Debian)");
    ruby.stdin.take().unwrap().write_all(action.as_bytes()).unwrap();
    let output = ruby.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""));
}

#[test]
fn the_picture_of_the_introduction_is_that_of_the_readme() {
    let drawn = block("introduction.md", "the_picture_of_the_introduction_is_that_of_the_readme");
    let indented: String = drawn.lines().map(|line| format!("    {line}\n")).collect();
    assert!(include_str!("../../../README.md").contains(&indented), "{indented}");
}

#[test]
fn the_readme_shows_https_by_the_first_block_of_the_guide() {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("\n## HTTPS\n").expect("it has a section on HTTPS");
    let toml = |text: &str| text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).map(str::to_owned);
    let guide = std::fs::read_to_string(super::docs().join("src/https.md")).unwrap();
    assert_eq!(toml(section).expect("it shows settings"), toml(&guide).unwrap());
}

#[test]
fn the_readme_shows_of_certificates_and_names_what_the_guide_shows() {
    let readme = include_str!("../../../README.md");
    let (_, shown) = readme.split_once("```text\n$ foobar certificates").expect("it shows what `certificates` prints");
    let (shown, _) = shown.split_once("```").unwrap();
    let guide =
        ["https.md", "dns.md"].map(|page| std::fs::read_to_string(super::docs().join("src").join(page)).unwrap());
    for part in shown.split("\n\n") {
        let (_command, printed) = part.trim_start_matches("$ foobar ").split_once('\n').unwrap();
        let block = format!("```text\n{}\n```", printed.trim_end());
        assert!(guide.iter().any(|page| page.contains(&block)), "{block}");
    }
}

//! Every configuration key stands in the code, in the reference and in the example file.

use std::path::Path;

use foobar::{Server, reference};

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The keys of the reference: section and field.
fn keys() -> Vec<(String, String)> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in reference().lines() {
        if let Some(heading) = line.strip_prefix("## `[") {
            section = heading.split("]`").next().unwrap().to_owned();
        } else if let Some(row) = line.strip_prefix("| `") {
            keys.push((section.clone(), row.split('`').next().unwrap().to_owned()));
        }
    }
    assert!(keys.len() > 30);
    keys
}

#[test]
fn the_reference_is_what_the_code_generates() {
    let same = file("CONFIGURATION.md") == reference();
    assert!(same, "run: cargo run --bin foobar -- config --reference > CONFIGURATION.md");
}

#[test]
fn the_example_file_names_every_key() {
    let example = file("foobar.example.toml");
    for (section, key) in keys() {
        let named = example.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.split('=').next().unwrap().trim() == key
        });
        assert!(named, "{section}.{key} is not in foobar.example.toml");
    }
}

/// With its comments taken off the example still has only known keys and good values.
#[tokio::test]
async fn the_example_file_parses_with_and_without_its_comments() {
    let example = file("foobar.example.toml");
    let all: String = example.lines().map(|line| line.strip_prefix("#").unwrap_or(line).to_owned() + "\n").collect();
    let all: String = all.lines().filter(|line| !line.starts_with(' ')).map(|line| line.to_owned() + "\n").collect();
    for (name, text) in [("as it is", &example), ("with every key", &all)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foobar.toml");
        std::fs::write(&path, text).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_foobar"))
            .args(["config", "--config"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        for (_, key) in keys().iter().filter(|_| name == "with every key") {
            let shown = String::from_utf8_lossy(&output.stdout);
            assert!(
                shown.lines().any(|line| line.contains(&format!("{key} = ")) && !line.ends_with("# default")),
                "{key}"
            );
        }
    }
}

#[tokio::test]
async fn a_programs_presets_give_way_and_its_settings_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foobar.toml");
    std::fs::write(&path, format!("[sites.www]\nroot = {:?}\n[web]\naccess_log = \"off\"\n", folder.path())).unwrap();
    let server = Server::new().config_file(&path).preset("sites.www.root", "nowhere").preset("admin.listen", "off");
    let running = server.set("web.listen", "127.0.0.1:0").start().await.unwrap();
    assert_eq!((running.addresses().len(), running.admin_address()), (1, None));
    running.stop().await;
}

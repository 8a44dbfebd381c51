use std::collections::BTreeSet;
use std::path::Path;

use super::*;

const SHAPES: [Shape; 6] = [
    Shape { kind: Kind::Pages, has_database: true },
    Shape { kind: Kind::Pages, has_database: false },
    Shape { kind: Kind::Api, has_database: true },
    Shape { kind: Kind::Api, has_database: false },
    Shape { kind: Kind::Axum, has_database: true },
    Shape { kind: Kind::Axum, has_database: false },
];

fn package(shape: Shape, dependency: Dependency, is_nested: bool) -> Package {
    Package { name: "my-site".to_owned(), shape, dependency, is_nested }
}

fn file(package: &Package, path: &str) -> String {
    package.files().into_iter().find(|(name, _)| name == path).expect("it has that file").1
}

fn path(path: &str) -> Dependency {
    Dependency::Path(path.to_owned())
}

#[test]
fn every_file_of_the_templates_is_in_a_package() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let texts: BTreeSet<&str> =
        SHAPES.iter().flat_map(|shape| shape.layers()).flatten().map(|(_, text)| *text).collect();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(texts.contains(text.as_str()), "{} is in no layer", path.display());
            }
        }
    }
}

#[test]
fn a_package_has_each_file_once_and_nothing_of_the_template_is_left() {
    for shape in SHAPES {
        for dependency in [path("/srv/foobar"), Dependency::Git("https://example.com/foobar".to_owned())] {
            let files = package(shape, dependency, true).files();
            let paths: BTreeSet<_> = files.iter().map(|(path, _)| path).collect();
            assert_eq!(paths.len(), files.len(), "{shape:?}");
            for (path, text) in &files {
                let left = text.match_indices("{{").find(|(at, _)| !text[at + 2..].starts_with(' '));
                assert_eq!(left, None, "{path} of {shape:?}: {text}");
                assert!(
                    !text.contains("\n\n\n") && !text.ends_with("\n\n"),
                    "{path} of {shape:?} has empty lines: {text}"
                );
                assert!(text.lines().all(|line| line.chars().count() <= 130), "{path} of {shape:?} has long lines");
            }
        }
    }
}

#[test]
fn a_condition_of_a_template_is_one_that_can_hold() {
    let of_shapes = SHAPES.iter().flat_map(|shape| shape.words());
    let known: BTreeSet<&str> = of_shapes.chain(["path", "git", "nested"]).collect();
    for (path, text) in SHAPES.iter().flat_map(|shape| shape.layers()).flatten() {
        let conditions = text.lines().filter_map(|line| line.strip_prefix("{{if ")?.strip_suffix("}}"));
        conditions.for_each(|word| assert!(known.contains(word), "{path}: {word}"));
    }
}

#[test]
fn a_path_is_written_so_that_cargo_docker_and_a_shell_read_it() {
    let strange = package(SHAPES[0], path("/a \"b\"\\$c'd"), false);
    let manifest: toml::Table = file(&strange, "Cargo.toml").parse().unwrap();
    assert_eq!(manifest["dependencies"]["foobar"]["path"].as_str(), Some("/a \"b\"\\$c'd"));
    assert!(manifest.get("workspace").is_none());
    let dockerfile = file(&strange, "Dockerfile");
    assert!(dockerfile.contains(r#"COPY --from=foobar [".", "/a \"b\"\\\\\\$c'd"]"#), "{dockerfile}");
    let plain = file(&package(SHAPES[0], path("/srv/foobar"), false), "Dockerfile");
    assert!(plain.contains("\n#     docker build --build-context foobar=/srv/foobar -t my-site .\n"), "{plain}");
    assert_eq!(path("/it's").in_shell(), r"'/it'\''s'");
}

#[test]
fn a_package_below_another_one_is_a_workspace_of_its_own() {
    let manifest: toml::Table = file(&package(SHAPES[0], path("/srv/foobar"), true), "Cargo.toml").parse().unwrap();
    assert!(manifest["workspace"].as_table().unwrap().is_empty());
}

#[test]
fn a_repository_is_fetched_by_the_container_too() {
    let package = package(SHAPES[3], Dependency::Git("https://example.com/foobar".to_owned()), false);
    let manifest: toml::Table = file(&package, "Cargo.toml").parse().unwrap();
    assert_eq!(manifest["dependencies"]["foobar"]["git"].as_str(), Some("https://example.com/foobar"));
    let dockerfile = file(&package, "Dockerfile");
    assert!(!dockerfile.contains("--build-context") && dockerfile.contains("install -y --no-install-recommends git"));
    assert!(!dockerfile.contains("/data my-site"), "it has no database to keep");
}

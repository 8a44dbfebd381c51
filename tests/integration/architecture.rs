//! What ARCHITECTURE.md says of the sources and their dependencies, held against them.
//!
//! The dependency policy is a test over `cargo metadata`: a tool of its own would take longer to build than all the rest.

mod facade; // what an application can name
mod habits; // what every file keeps
mod imports; // who imports whom
mod rooms; // the rooms of the web tier

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// All that each crate may depend on, outside its tests.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "foobar-core",
        &[
            "bytes",
            "config",
            "futures-util",
            "http",
            "http-body",
            "percent-encoding",
            "serde",
            "serde_json",
            "strsim",
            "thiserror",
            "tokio",
            "toml",
            "tracing",
            "tracing-subscriber",
        ],
    ),
    (
        "foobar-db",
        &[
            "diesel",
            "diesel_migrations",
            "foobar-core",
            "foobar-macros",
            "libsqlite3-sys",
            "mysql_async",
            "mysql_common",
            "r2d2",
            "rustix",
            "rustls",
            "rustls-pki-types",
            "serde_json",
            "tempfile",
            "thiserror",
            "tokio",
            "tracing",
        ],
    ),
    ("foobar-macros", &[]),
    (
        "foobar-app",
        &[
            "actix-http",
            "actix-multipart",
            "actix-rt",
            "actix-service",
            "actix-web",
            "argon2",
            "aws-lc-rs",
            "base64",
            "bytes",
            "diesel",
            "foobar-core",
            "foobar-db",
            "futures-util",
            "garde",
            "http",
            "http-body",
            "percent-encoding",
            "pin-project-lite",
            "serde",
            "serde_json",
            "tempfile",
            "thiserror",
            "tokio",
            "tower-service",
            "tracing",
        ],
    ),
    (
        "foobar-web",
        &[
            "aws-lc-rs",
            "base64",
            "brotli",
            "bytes",
            "cap-std",
            "flate2",
            "foldhash",
            "foobar-core",
            "futures-util",
            "h2",
            "hickory-proto",
            "http",
            "http-body",
            "httpdate",
            "idna",
            "instant-acme",
            "itoa",
            "libc",
            "memchr",
            "memmap2",
            "mime_guess",
            "percent-encoding",
            "quick_cache",
            "rcgen",
            "regex",
            "rust-embed",
            "rustix",
            "rustls",
            "serde",
            "serde_json",
            "slab",
            "socket2",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tracing",
            "twox-hash",
            "webpki-roots",
            "zstd",
        ],
    ),
];

/// The licences that may be in the tree.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages of which the tree holds more than one version, and who brings the other one.
const DUPLICATES: &[(&str, &str)] = &[
    ("base64", "0.22 by foobar-app, pem of mysql_async and others, 0.23 by pem of rcgen"),
    ("block-buffer", "see sha1"),
    ("cpufeatures", "see sha1"),
    ("crypto-common", "see sha1"),
    ("digest", "see sha1"),
    ("getrandom", "0.2 by ring, 0.3 by rand 0.9 of mysql_async, 0.4 by tempfile"),
    ("hashbrown", "0.16 by lru of mysql_async, 0.17 by indexmap"),
    ("http", "0.2 by actix-web, 1 by the web tier: the bridge between them is foobar-app's"),
    ("io-lifetimes", "2 by fs-set-times of cap-std, 3 by cap-std itself"),
    ("pem", "3 by mysql_async, 4 by rcgen"),
    ("rand", "0.9 by mysql_async, 0.10 by actix-http for WebSockets"),
    ("rand_core", "see rand"),
    ("sha2", "0.10 by mysql_async, 0.11 by rust-embed"),
    ("sha1", "0.10 by mysql_async, 0.11 by actix-http for WebSockets"),
    ("socket2", "0.5 by mysql_async, 0.6 by tokio and actix-web"),
    ("synstructure", "see syn"),
    ("syn", "2 and 3 by the authors of procedural macros, half way through an upgrade; built, not linked"),
    ("untrusted", "0.7 by aws-lc-rs, 0.9 by rustls-webpki"),
    ("webpki-roots", "0.26 by mysql_async, a shell around 1"),
    ("winnow", "0.7 by config, 1 by toml"),
];

#[test]
fn the_arrows_between_the_crates_hold() {
    for (name, allowed) in ARROWS {
        let manifest: toml::Table = read(&root().join(name).join("Cargo.toml")).parse().unwrap();
        let dependencies = manifest.get("dependencies").map(|table| table.as_table().unwrap());
        for (dependency, how) in dependencies.into_iter().flatten() {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
            assert!(how.get("package").is_none(), "{name} renames {dependency}");
        }
    }
}

/// Compiled, it holds: every trait of the seams has two implementors.
#[test]
fn every_trait_of_the_seams_has_two_implementors() {
    use foobar::actix_web::web::ServiceConfig;
    use foobar::files::{Embedded, FileSource, Folder, rust_embed::RustEmbed};
    use foobar::tiers::{
        AppTier, Database, Handler, InProcess, MakeHandler, Mysql, Runtime, Sqlite, Tier, TowerApp, Web, WebTier,
    };

    struct Nothing;

    #[derive(RustEmbed)]
    #[folder = "examples/site/public"]
    #[crate_path = "foobar::files::rust_embed"]
    struct Assets;

    impl foobar::App for Nothing {
        fn routes(&self, _routes: &mut ServiceConfig) {}
    }

    type OnActix = Runtime<Nothing>;
    type OnTower = TowerApp<axum::Router>;

    fn database<One: Database, Two: Database>() {}
    fn app_tier<One: AppTier, Two: AppTier>() {}
    fn web_tier<One: WebTier, Two: WebTier>() {}
    fn tier<One: Tier, Two: Tier>() {}
    fn make_handler<One: MakeHandler, Two: MakeHandler>() {}
    fn handler<One: Handler>(_one: One) {}
    fn file_source<One: FileSource, Two: FileSource>() {}

    database::<Sqlite, Mysql>();
    app_tier::<OnActix, OnTower>();
    web_tier::<Web, InProcess>();
    tier::<Web, OnActix>();
    make_handler::<OnActix, OnTower>();
    file_source::<Folder, Embedded<Assets>>();
    handler(foobar::tiers::handler_fn(async |_request| foobar::tiers::Response::default()));
}

#[test]
fn every_dependency_has_a_licence_on_the_list() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} has no licence"));
        assert!(allowed(licence), "{name}: {licence}");
    }
}

#[test]
fn no_package_is_there_in_two_versions_without_a_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap().to_owned();
        versions.entry(name).or_default().insert(package["version"].as_str().unwrap().to_owned());
    }
    let doubled: BTreeMap<_, _> = versions.into_iter().filter(|(_, versions)| versions.len() > 1).collect();
    let unexplained: Vec<_> =
        doubled.iter().filter(|(name, _)| !DUPLICATES.iter().any(|(known, _)| known == name)).collect();
    assert!(unexplained.is_empty(), "find out who brings them: cargo tree -d: {unexplained:?}");
    let stale: Vec<_> = DUPLICATES.iter().filter(|(name, _)| !doubled.contains_key(*name)).collect();
    assert!(stale.is_empty(), "no longer doubled: {stale:?}");
}

#[test]
fn files_and_functions_stay_short() {
    let mut all = Vec::new();
    for path in sources() {
        let text = read(&path);
        let code = text.split("\n#[cfg(test)]").next().unwrap();
        let lines: Vec<&str> = code.lines().collect();
        assert!(lines.len() <= 450, "{}: {} lines", path.display(), lines.len());
        for (start, length) in functions(&lines) {
            assert!(length <= 48, "{}:{}: a function of {length} lines", path.display(), start + 1);
            if !is_of_tests(&path) {
                all.push(length);
            }
        }
    }
    all.sort_unstable();
    let (median, p90) = (all[all.len() / 2], all[all.len() * 9 / 10]);
    assert!(median <= 5 && p90 <= 15, "half of the functions have {median} lines and more, one in ten has {p90}");
}

/// Whether it lies in a folder of tests beside what they test.
fn is_of_tests(path: &Path) -> bool {
    path.strip_prefix(root()).unwrap().iter().any(|part| part == "tests")
}

/// What a reader of the reference reads, and whoever looks a key up in the code.
#[test]
fn settings_are_described_in_lines_that_fit() {
    let is_of_settings = |path: &PathBuf| {
        path.ends_with("settings.rs") || path.parent().is_some_and(|folder| folder.ends_with("settings"))
    };
    for path in sources().iter().filter(|path| is_of_settings(path)) {
        let text = read(path);
        let long = text.lines().filter(|line| line.trim_start().starts_with("//") && line.chars().count() > 120);
        assert_eq!(long.collect::<Vec<_>>(), [""; 0], "{}", path.display());
    }
}

#[test]
fn the_libraries_install_no_global_and_leave_no_work_for_later() {
    let banned = ["set_hook(", "set_global_default(", "ctrl_c(", "todo!(", "dbg!(", "FIXME", "TODO", "println!("];
    for path in sources().iter().filter(|path| !path.starts_with(root().join("src/cli"))) {
        let text = read(path);
        let code = text.split("\n#[cfg(test)]").next().unwrap();
        for word in banned {
            assert!(!code.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn no_test_sleeps_to_wait() {
    no_test_has(|line| line.contains(concat!("sleep", "(")) && !line.contains("// time is what is tested"));
}

/// On a busy machine anything may take any time: only a hang may be told by it.
#[test]
fn no_test_asserts_that_something_was_fast() {
    no_test_has(|line| line.contains("assert") && line.contains("elapsed() <") && !line.contains("PATIENCE"));
}

fn no_test_has(fault: impl Fn(&str) -> bool) {
    let tests = ["tests", "foobar-core", "foobar-db", "foobar-app", "foobar-web", "examples"];
    for path in tests.iter().flat_map(|folder| rust_files(&root().join(folder))) {
        let text = read(&path);
        let path = path.display().to_string();
        let tests = if path.contains("tests") {
            text.as_str()
        } else {
            text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests)
        };
        assert_eq!(tests.lines().filter(|line| fault(line)).collect::<Vec<_>>(), [""; 0], "{path}");
    }
}

#[test]
fn unsafe_code_stands_only_where_a_file_says_why() {
    for path in sources() {
        let text = read(&path);
        let uses = text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("unsafe {"));
        assert!(!uses || text.contains("#![expect(unsafe_code"), "{} has unsafe code without a reason", path.display());
        assert!(!uses || text.contains("SAFETY:"), "{} has an unsafe block without a SAFETY comment", path.display());
    }
}

/// Every package that a build for this machine needs; not those of other systems.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--all-features", "--filter-platform"])
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let used: BTreeSet<&str> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    let all = metadata["packages"].as_array().unwrap();
    all.iter().filter(|package| used.contains(package["id"].as_str().unwrap())).cloned().collect()
}

/// Whether an SPDX expression can be met by the list. `/` is an old way to write OR.
fn allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    expression.split(" OR ").any(|all| all.split(" AND ").all(|one| LICENCES.contains(&one.trim())))
}

/// The start and length of each function, for code that rustfmt has formatted.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let is_function = |line: &str| {
        let words = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
        let words = words.trim_start_matches("pub ").trim_start_matches("const ").trim_start_matches("async ");
        words.starts_with("fn ")
    };
    let starts = lines.iter().enumerate().filter(|(_, line)| is_function(line) && !line.ends_with(';'));
    starts
        .map(|(start, line)| {
            let indent = line.len() - line.trim_start().len();
            let is_end = |line: &&str| line.len() == indent + 1 && line.ends_with('}');
            let end = if line.ends_with('}') { None } else { lines[start..].iter().position(is_end) };
            (start, end.map_or(1, |end| end + 1))
        })
        .collect()
}

/// The sources of the program, without those of tests.
fn sources() -> Vec<PathBuf> {
    let folders = ["src", "foobar-core/src", "foobar-db/src", "foobar-macros/src", "foobar-app/src", "foobar-web/src"];
    let files = folders.iter().flat_map(|folder| rust_files(&root().join(folder)));
    let files: Vec<PathBuf> = files.filter(|path| !path.ends_with("tests.rs")).collect();
    assert!(files.len() > 40, "the sources are not where this test looks");
    files
}

pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

//! What an application can name: every type of every public signature, by a path that begins with `foobar::`.

mod program; // names each of them
mod signatures; // what the public signatures of a file name

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::TokenTree;

use self::signatures::Signatures;
use super::imports::{Segments, leaves};
use super::{read, root, rust_files};

/// The modules of the facade.
const FACADE: [&str; 6] = ["lib.rs", "config.rs", "files.rs", "request.rs", "test.rs", "tiers.rs"];

/// The crates of ours, and those of Rust.
const OURS: [&str; 5] = ["foobar", "foobar_app", "foobar_core", "foobar_db", "foobar_web"];
const STANDARD: [&str; 3] = ["std", "core", "alloc"];
/// Where a path of one's own crate begins.
const LOCAL: [&str; 3] = ["crate", "super", "self"];

/// Crates that signatures name and the facade does not give on, and why.
const ELSEWHERE: [(&str, &str); 6] = [
    ("diesel_migrations", "whoever embeds migrations by Diesel's own macro has the crate"),
    ("futures_util", "its boxed futures have names of ours"),
    ("mysql_async", "in the cursor of `MysqlConnection`, which Diesel alone asks for"),
    ("serde", "an application derives its traits, and so it has the crate"),
    ("serde_json", "an application that gives members of a problem as JSON has it"),
    ("tokio", "`AsyncRead` and `AsyncWrite` of an upgraded connection: an application that reads it has the crate"),
];

#[test]
fn the_program_names_every_type_of_every_public_signature() {
    let (program, sources) = (program(), Sources::read());
    let renamed: BTreeSet<String> =
        FACADE.iter().flat_map(|file| exports(file)).map(|(own_name, _)| own_name).collect();
    let is_missing = |name: &String| !program.contains_key(name) && !renamed.contains(name);
    let missing: Vec<_> = sources.named(&program).filter(|(_file, name)| is_missing(name)).collect();
    assert!(missing.is_empty(), "give it on in src/, and name it in facade/program.rs: {missing:#?}");
}

#[test]
fn the_program_names_all_that_the_facade_exports() {
    let program = program();
    for file in FACADE {
        let names = exports(file).into_iter().map(|(_own_name, name)| name);
        let forgotten: Vec<_> = names.filter(|name| !program.contains_key(name)).collect();
        assert!(forgotten.is_empty(), "src/{file} gives on what facade/program.rs does not name: {forgotten:?}");
    }
}

#[test]
fn the_crates_of_public_signatures_come_with_the_facade() {
    let (program, sources) = (program(), Sources::read());
    for (file, name) in sources.crates(&program) {
        let is_elsewhere = ELSEWHERE.iter().any(|(elsewhere, _why)| elsewhere == name);
        assert!(program.contains_key(name) || is_elsewhere, "{}: {name}", file.display());
    }
}

/// An application depends on `foobar` alone: an example that names another crate of ours does not compile there.
#[test]
fn the_examples_of_the_documentation_say_foobar() {
    let program = program();
    let folders = ["src", "foobar-app/src", "foobar-db/src", "foobar-web/src"];
    for file in folders.iter().flat_map(|folder| rust_files(&root().join(folder))) {
        for line in shown(&read(&file)) {
            let place = format!("{}: {line}", file.display());
            assert!(!OURS[1..].iter().any(|name| line.contains(&format!("{name}::"))), "{place}");
            for (path, name) in imports(&line) {
                let is_there = |known: &Segments| *known == path || path.starts_with(known);
                let found = program.get(&name).is_some_and(is_there) || program.values().any(is_there);
                assert!(found || path[0] != "foobar", "the facade has no such path: {place}");
            }
        }
    }
}

/// What the program imports: each name with its path.
fn program() -> BTreeMap<String, Segments> {
    let text = read(&root().join("tests/integration/architecture/facade/program.rs"));
    let imports = imports(&text).into_iter().filter(|(path, _)| path[0] == "foobar");
    imports.map(|(path, name)| (name, path)).collect()
}

/// What the uses of a text bring, each with its path.
fn imports(text: &str) -> Vec<(Segments, String)> {
    uses(text).iter().flat_map(|(_public, tree)| leaves(tree)).collect()
}

/// What a module of the facade gives on from elsewhere: the name that it has there, and the one that it has here.
fn exports(file: &str) -> Vec<(String, String)> {
    let uses = uses(&read(&root().join("src").join(file))).into_iter().filter(|(public, _)| *public);
    let leaves = uses.flat_map(|(_public, tree)| leaves(&tree));
    leaves.filter_map(|(path, name)| Some((path.last()?.clone(), name))).collect()
}

/// The trees of all `use`, and whether they are public.
fn uses(text: &str) -> Vec<(bool, Vec<TokenTree>)> {
    let statements = text.split(';').filter_map(|statement| {
        let lines = statement.lines().filter(|line| !line.trim_start().starts_with("//"));
        let statement = lines.collect::<Vec<_>>().join(" ");
        let (before, tree) = statement.rsplit_once("use ")?;
        let tree = tree.parse::<proc_macro2::TokenStream>().ok()?; // it is another word that ends in `use`
        Some((before.trim_end().ends_with("pub"), tree.into_iter().collect()))
    });
    statements.collect()
}

/// The lines of examples that a reader of the documentation sees.
fn shown(text: &str) -> Vec<String> {
    let comments = text.lines().map(str::trim_start);
    let comments = comments.filter_map(|line| line.strip_prefix("///").or_else(|| line.strip_prefix("//!")));
    let mut inside = false;
    let mut shown = Vec::new();
    for line in comments.map(str::trim_start) {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside && !line.starts_with("# ") {
            shown.push(line.to_owned());
        }
    }
    shown
}

/// The public signatures of all crates of ours.
struct Sources {
    files: Vec<(PathBuf, Signatures)>,
    defined: BTreeSet<String>,
}

impl Sources {
    fn read() -> Self {
        let files: Vec<_> =
            super::sources().into_iter().map(|file| (file.clone(), Signatures::of(&read(&file)))).collect();
        let defined = files.iter().flat_map(|(_file, signatures)| signatures.defined.clone()).collect();
        Self { files, defined }
    }

    /// The files that define what the program names.
    fn public(&self, program: &BTreeMap<String, Segments>) -> impl Iterator<Item = &(PathBuf, Signatures)> {
        self.files.iter().filter(|(_file, signatures)| signatures.defined.iter().any(|name| program.contains_key(name)))
    }

    /// The types of ours that signatures of those files name, and where.
    fn named(&self, program: &BTreeMap<String, Segments>) -> impl Iterator<Item = (&Path, &String)> {
        self.public(program).flat_map(|(file, signatures)| {
            let ours = signatures.named.iter().filter_map(|path| self.of_ours(path));
            ours.map(|name| (file.as_path(), name))
        })
    }

    fn of_ours<'a>(&self, path: &'a Segments) -> Option<&'a String> {
        let is_ours = path.len() == 1 || OURS.contains(&path[0].as_str()) || LOCAL.contains(&path[0].as_str());
        path.last().filter(|name| is_ours && self.defined.contains(*name))
    }

    /// The crates of others that signatures of those files name, and where.
    fn crates(&self, program: &BTreeMap<String, Segments>) -> impl Iterator<Item = (&Path, &String)> {
        self.public(program).flat_map(|(file, signatures)| {
            let is_exported = |path: &Segments| path.last().is_some_and(|name| program.contains_key(name));
            let foreign = signatures.named.iter().filter(move |path| path.len() > 1 && !is_exported(path));
            let heads = foreign.map(|path| &path[0]);
            let known = |name: &str| OURS.contains(&name) || STANDARD.contains(&name) || LOCAL.contains(&name);
            let crates = heads.filter(move |name| name.starts_with(char::is_lowercase) && !known(name));
            crates.map(|name| (file.as_path(), name))
        })
    }
}

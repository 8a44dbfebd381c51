//! What an application can name: every type of every public signature, by a path that begins with `foobar::`.

mod program; // names each of them
mod signatures; // what the public signatures of a file name

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::TokenTree;

use self::signatures::Signatures;
use super::imports::{Segments, leaves};
use super::{read, root, rust_files};

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
    let (given, sources) = (given_on(), Sources::read());
    let missing: Vec<_> = sources.named().filter(|(_file, item)| !given.contains(item)).collect();
    assert!(missing.is_empty(), "give it on in src/, and name it in facade/program.rs: {missing:#?}");
}

#[test]
fn the_program_names_all_that_the_facade_exports() {
    let program = program();
    let names = facade().into_iter().flat_map(|file| exports(&file)).map(|(_item, name)| name);
    let forgotten: Vec<_> = names.chain(macros()).filter(|name| !program.contains_key(name)).collect();
    assert!(forgotten.is_empty(), "src/ gives on what facade/program.rs does not name: {forgotten:?}");
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
    for file in super::sources() {
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

/// The files of the facade: the root and its public modules, but for those that its pages do not show.
fn facade() -> Vec<String> {
    let text = read(&root().join("src/lib.rs")).replace("#[doc(hidden)]\npub mod ", "mod ");
    let modules = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    ["lib"].into_iter().chain(modules).map(|module| format!("{module}.rs")).collect()
}

/// The macros of the facade's own.
fn macros() -> impl Iterator<Item = String> {
    rust_files(&root().join("src")).into_iter().flat_map(|file| {
        let text = read(&file);
        let defined = text.split("#[macro_export]\nmacro_rules! ").skip(1);
        defined.filter_map(|rest| Some(rest.split_once(' ')?.0.to_owned())).collect::<Vec<_>>()
    })
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

/// What a module of the facade gives on, and the name that it has here.
fn exports(file: &str) -> Vec<(Item, String)> {
    let uses = uses(&read(&root().join("src").join(file))).into_iter().filter(|(public, _)| *public);
    let leaves = uses.flat_map(|(_public, tree)| leaves(&tree));
    let of = |path: &Segments| OURS.iter().find(|name| **name == path[0]).unwrap_or(&OURS[0]).to_string(); // its own
    leaves.filter_map(|(path, name)| Some(((of(&path), path.last()?.clone()), name))).collect()
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

/// A type or trait of ours: its crate and its name there.
type Item = (String, String);

/// The public signatures of all crates of ours.
struct Sources {
    /// Each file with its crate.
    files: Vec<(PathBuf, String, Signatures)>,
    defined: BTreeSet<Item>,
}

impl Sources {
    fn read() -> Self {
        let files = super::sources().into_iter().map(|file| {
            let signatures = Signatures::of(&read(&file));
            (file.clone(), crate_of(&file), signatures)
        });
        let files: Vec<_> = files.collect();
        let defined = |(_, of, signatures): &(PathBuf, String, Signatures)| items(of, &signatures.defined);
        Self { defined: files.iter().flat_map(defined).collect(), files }
    }

    /// The files that define what the facade gives on.
    fn public(&self) -> impl Iterator<Item = &(PathBuf, String, Signatures)> {
        let given = given_on();
        self.files
            .iter()
            .filter(move |(_, of, signatures)| items(of, &signatures.defined).iter().any(|item| given.contains(item)))
    }

    /// The types of ours that signatures of those files name, and where.
    fn named(&self) -> impl Iterator<Item = (&Path, Item)> {
        self.public().flat_map(|(file, of, signatures)| {
            let ours = signatures.named.iter().filter_map(|path| self.of_ours(of, path));
            ours.map(|item| (file.as_path(), item))
        })
    }

    /// What a path leads to that stands in the crate `here`, if that is ours.
    fn of_ours(&self, here: &str, path: &Segments) -> Option<Item> {
        let first = path[0].as_str();
        let of = match path.len() {
            1 => here,
            _ if LOCAL.contains(&first) => here,
            _ if OURS.contains(&first) => first,
            _ => return None,
        };
        Some((of.to_owned(), path.last()?.clone())).filter(|item| self.defined.contains(item))
    }

    /// The crates of others that signatures of those files name, and where.
    fn crates(&self, program: &BTreeMap<String, Segments>) -> impl Iterator<Item = (&Path, &String)> {
        self.public().flat_map(|(file, _, signatures)| {
            let is_exported = |path: &Segments| path.last().is_some_and(|name| program.contains_key(name));
            let foreign = signatures.named.iter().filter(move |path| path.len() > 1 && !is_exported(path));
            let heads = foreign.map(|path| &path[0]);
            let known = |name: &str| OURS.contains(&name) || STANDARD.contains(&name) || LOCAL.contains(&name);
            let crates = heads.filter(move |name| name.starts_with(char::is_lowercase) && !known(name));
            crates.map(|name| (file.as_path(), name))
        })
    }
}

/// What the facade gives on, its own items too, and what the program names of a module that is given on whole.
fn given_on() -> BTreeSet<Item> {
    let at_root = exports("lib.rs");
    let within = program().into_values().filter_map(|path| {
        let [_, module, item] = <[String; 3]>::try_from(path).ok()?; // it lies elsewhere
        at_root.iter().find(|(_, name)| *name == module).map(|((of, _), _)| (of.clone(), item))
    });
    facade().iter().flat_map(|file| exports(file)).map(|(item, _)| item).chain(within).collect()
}

fn items(of: &str, names: &BTreeSet<String>) -> Vec<Item> {
    names.iter().map(|name| (of.to_owned(), name.clone())).collect()
}

/// `foobar_web` for a file in `foobar-web/src`.
fn crate_of(file: &Path) -> String {
    let folder = file.strip_prefix(root()).unwrap().iter().next().unwrap().to_str().unwrap();
    if folder == "src" { "foobar".to_owned() } else { folder.replace('-', "_") }
}

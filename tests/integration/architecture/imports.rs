//! Which modules of a crate import which, read from their sources: by `use` and by paths that are written out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The segments of a path, or the place of a module in its crate.
pub(super) type Segments = Vec<String>;

/// The modules of a crate, without those for tests, and what each names.
pub(super) struct Crate {
    files: BTreeSet<Segments>,
    scopes: BTreeMap<Segments, Scope>,
}

/// What one module names; an inline module is a scope of its own.
#[derive(Default)]
struct Scope {
    /// Names that `use` brings, and what they stand for.
    aliases: BTreeMap<String, Segments>,
    /// Every path with more than one segment, and whether a `pub use` gives it on.
    paths: Vec<(Segments, bool)>,
}

/// One module names an item of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: Segments,
    pub(super) to: Segments,
    pub(super) item: String,
}

impl Crate {
    pub(super) fn read(source: &Path) -> Self {
        let files = super::rust_files(source);
        let named = files.iter().map(|path| (module(path.strip_prefix(source).unwrap()), super::read(path)));
        Self::of(named.filter(|(module, _)| !module.iter().any(|name| name == "tests" || name == "bin")))
    }

    /// The modules of these places, with their text.
    pub(super) fn of(sources: impl IntoIterator<Item = (Segments, String)>) -> Self {
        let mut this = Self { files: BTreeSet::new(), scopes: BTreeMap::new() };
        for (module, text) in sources {
            let tokens = text.parse().unwrap_or_else(|error| panic!("{module:?}: {error}"));
            this.scan(&module, tokens);
            this.files.insert(module);
        }
        this
    }

    /// Every import of one module from another. A door that gives on what lies in its own room imports nothing.
    pub(super) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (scope, names) in &self.scopes {
            let from = self.file(scope);
            for (path, given_on) in &names.paths {
                let Some((to, item)) = self.resolve(scope, path) else { continue };
                if to != from && !(*given_on && to.starts_with(&from)) {
                    imports.insert(Import { from: from.clone(), to, item });
                }
            }
        }
        imports
    }

    /// The other crates that a module names.
    pub(super) fn crates(&self, module: &[String]) -> BTreeSet<String> {
        let scopes = self.scopes.iter().filter(|(scope, _)| self.file(scope) == module);
        let outside = |(scope, names): (&Segments, &Scope)| {
            let paths = names.paths.iter().filter(|(path, _)| self.resolve(scope, path).is_none());
            paths.map(|(path, _)| path[0].clone()).collect::<Vec<_>>()
        };
        scopes.flat_map(outside).collect()
    }

    pub(super) const fn modules(&self) -> &BTreeSet<Segments> {
        &self.files
    }

    /// The shortest way from some module over others back to it.
    pub(super) fn circle(&self) -> Option<Vec<String>> {
        self.circle_in(usize::MAX)
    }

    /// The same of rooms: of all that lies in one module of the crate's root.
    pub(super) fn circle_of_rooms(&self) -> Option<Vec<String>> {
        self.circle_in(1)
    }

    fn circle_in(&self, depth: usize) -> Option<Vec<String>> {
        let place = |mut module: Segments| {
            module.truncate(depth);
            module
        };
        let mut arrows: BTreeMap<Segments, BTreeSet<Segments>> = BTreeMap::new();
        for Import { from, to, .. } in self.imports() {
            let (from, to) = (place(from), place(to));
            if depth == usize::MAX || (from != to && !from.is_empty() && !to.is_empty()) {
                arrows.entry(from).or_default().insert(to);
            }
        }
        let circles = arrows.keys().filter_map(|start| way_back(&arrows, start));
        circles.min_by_key(Vec::len).map(|way| way.iter().map(|module| module.join("::")).collect())
    }

    fn scan(&mut self, scope: &[String], tokens: TokenStream) {
        self.scopes.entry(scope.to_vec()).or_default();
        let mut trees: VecDeque<TokenTree> = tokens.into_iter().collect();
        let mut public = false;
        while let Some(tree) = trees.pop_front() {
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == '#' => skip_if_for_tests(&mut trees),
                TokenTree::Ident(ident) if ident == "pub" => {
                    if is_group(trees.front(), Delimiter::Parenthesis) {
                        trees.pop_front();
                    }
                    public = true;
                    continue;
                }
                TokenTree::Ident(ident) if ident == "use" => {
                    let tree = up_to_semicolon(&mut trees);
                    let names = self.scopes.entry(scope.to_vec()).or_default();
                    for (path, alias) in leaves(&tree) {
                        names.aliases.insert(alias, path.clone());
                        names.paths.push((path, public));
                    }
                }
                TokenTree::Ident(ident) if ident == "mod" && is_group(trees.get(1), Delimiter::Brace) => {
                    let name = trees.pop_front().map(|name| name.to_string()).unwrap();
                    let Some(TokenTree::Group(body)) = trees.pop_front() else { unreachable!("it is a group") };
                    self.scan(&[scope, &[name]].concat(), body.stream());
                }
                // A path in a macro is named where the macro is called.
                TokenTree::Punct(punct) if punct.as_char() == '$' => {
                    drop(trees.pop_front().map(|name| path(name.to_string(), &mut trees)))
                }
                TokenTree::Ident(first) => {
                    let path = path(first.to_string(), &mut trees);
                    if path.len() > 1 {
                        self.scopes.entry(scope.to_vec()).or_default().paths.push((path, false));
                    }
                }
                TokenTree::Group(group) => self.scan(scope, group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            public = false;
        }
    }

    /// The module that defines what a path leads to, and its name there; `None` if it is in no module of this crate.
    fn resolve(&self, scope: &[String], path: &[String]) -> Option<(Segments, String)> {
        let mut path = self.absolute(scope, path)?;
        for _ in 0..MOST_STEPS {
            let known = (0..=path.len()).rev().find(|length| self.scopes.contains_key(&path[..*length]))?;
            let (module, rest) = path.split_at(known);
            let given_on = rest.first().and_then(|name| self.scopes[module].aliases.get(name));
            match given_on.and_then(|alias| self.absolute(module, alias)) {
                Some(alias) => path = [&alias, &rest[1..]].concat(),
                None if given_on.is_some() => return None, // of another crate
                None => return Some((self.file(module), rest.first().cloned().unwrap_or_default())),
            }
        }
        panic!("{path:?} leads to no end")
    }

    /// A path from the top of the crate.
    fn absolute(&self, scope: &[String], path: &[String]) -> Option<Segments> {
        let (first, rest) = path.split_first()?;
        let child = [scope, std::slice::from_ref(first)].concat();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([scope, rest].concat()),
            "super" => {
                let up = path.iter().take_while(|segment| *segment == "super").count();
                Some([&scope[..scope.len() - up], &path[up..]].concat())
            }
            _ if self.scopes.contains_key(&child) => Some([scope, path].concat()),
            name => {
                let alias = self.scopes.get(scope)?.aliases.get(name).filter(|alias| alias[0] != *name)?;
                Some([&self.absolute(scope, alias)?, rest].concat())
            }
        }
    }

    /// The module whose file holds a scope.
    fn file(&self, scope: &[String]) -> Segments {
        let lengths = (0..=scope.len()).rev();
        lengths.map(|length| scope[..length].to_vec()).find(|module| self.files.contains(module)).unwrap_or_default()
    }
}

/// More than there are `pub use` one after the other.
const MOST_STEPS: usize = 16;

/// `a/b.rs` is `a::b`, `lib.rs` the top.
fn module(file: &Path) -> Segments {
    let names = file.with_extension("");
    let names: Segments = names.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    if names == ["lib"] { Vec::new() } else { names }
}

pub(super) fn is_group(tree: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(tree, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}

/// Behind a `#`: drops the attribute, and what it is of if that is compiled for tests or fuzzing alone.
pub(super) fn skip_if_for_tests(trees: &mut VecDeque<TokenTree>) {
    let Some(TokenTree::Group(attribute)) = trees.front() else { return };
    let words: Vec<String> =
        attribute.stream().to_string().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    let has = |word: &str| words.iter().any(|other| other == word);
    if is_group(trees.front(), Delimiter::Bracket) && has("cfg") && (has("test") || has("fuzzing")) && !has("not") {
        while let Some(tree) = trees.pop_front() {
            let ends = matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == ';');
            if ends || is_group(Some(&tree), Delimiter::Brace) && !is_semicolon(trees.front()) {
                return;
            }
        }
    }
    trees.pop_front();
}

fn is_semicolon(tree: Option<&TokenTree>) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == ';')
}

fn up_to_semicolon(trees: &mut VecDeque<TokenTree>) -> Vec<TokenTree> {
    let mut taken = Vec::new();
    while let Some(tree) = trees.pop_front().filter(|tree| !is_semicolon(Some(tree))) {
        taken.push(tree);
    }
    taken
}

/// The whole path that begins with `first`.
pub(super) fn path(first: String, trees: &mut VecDeque<TokenTree>) -> Segments {
    let mut path = vec![first];
    let is_colon = |tree: Option<&TokenTree>| matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    while is_colon(trees.front()) && is_colon(trees.get(1)) {
        let Some(TokenTree::Ident(next)) = trees.get(2) else { break };
        path.push(next.to_string());
        trees.drain(..3);
    }
    path
}

/// The paths of a `use`, and the name that each brings.
pub(super) fn leaves(tree: &[TokenTree]) -> Vec<(Segments, String)> {
    let mut path = Segments::new();
    let mut alias = None;
    for (at, tree) in tree.iter().enumerate() {
        match tree {
            TokenTree::Ident(ident) if ident == "as" => alias = Some(()),
            TokenTree::Ident(ident) if alias.is_some() => return vec![(path, ident.to_string())],
            TokenTree::Ident(ident) => path.push(ident.to_string()),
            TokenTree::Group(group) => {
                let branches = group.stream().into_iter().collect::<Vec<_>>();
                let branches = branches.split(|tree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ','));
                let below = branches.filter(|branch| !branch.is_empty()).flat_map(leaves);
                return below.map(|(rest, alias)| under(&path, &rest, alias)).collect();
            }
            TokenTree::Punct(punct) if punct.as_char() == '*' => return vec![(path, format!("*{at}"))],
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    let name = path.last().cloned().unwrap_or_default();
    vec![(path, name)]
}

/// In braces, `self` is what stands before them.
fn under(path: &[String], rest: &[String], alias: String) -> (Segments, String) {
    if rest != ["self"] {
        return ([path, rest].concat(), alias);
    }
    let name = if alias == "self" { path.last().cloned().unwrap_or_default() } else { alias };
    (path.to_vec(), name)
}

fn way_back(arrows: &BTreeMap<Segments, BTreeSet<Segments>>, start: &Segments) -> Option<Vec<Segments>> {
    let mut ways = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in arrows.get(&way[way.len() - 1]).into_iter().flatten() {
            let way = [&way[..], std::slice::from_ref(next)].concat();
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push_back(way);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sources: &[(&str, &str)]) -> Crate {
        let segments = |name: &str| name.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Crate::of(sources.iter().map(|(name, text)| (segments(name), (*text).to_owned())))
    }

    /// What `a::b` imports, with `text` in it, of `a::c`, `d`, `d::e` and `d::f`; the door `d` gives on all of `d::e`.
    fn imports(text: &str) -> Vec<String> {
        let sources = [
            ("", "mod a; mod d; pub use d::E;"),
            ("a", "mod b; mod c; use crate::d::F;"),
            ("a::b", text),
            ("a::c", ""),
            ("d", "mod e; pub(crate) mod f; pub(crate) use e::{E, inner as given};"),
            ("d::e", "pub struct E; pub fn inner() {}"),
            ("d::f", ""),
        ];
        let imports = of(&sources).imports().into_iter().filter(|import| import.from == ["a", "b"]);
        imports.map(|import| format!("{} {}", import.to.join("::"), import.item)).collect()
    }

    #[test]
    fn a_use_is_an_import_in_all_its_forms() {
        for (text, expected) in [
            ("use super::c::X;", &["a::c X"][..]),
            ("use super::{c::X, Y};", &["a Y", "a::c X"]),
            ("use crate::{a::c, d::{f::{self, Z}, f as g}};", &["a::c ", "d::f ", "d::f Z"]),
            ("use crate::a::c::*;", &["a::c "]),
            ("use crate::a::c::{X as Y};", &["a::c X"]),
            ("pub(crate) use super::c::X;", &["a::c X"]),
            ("pub use crate::a::c::X;", &["a::c X"]),
            ("use std::fmt; use bytes::{Buf, Bytes};", &[]),
        ] {
            assert_eq!(imports(text), expected, "{text}");
        }
    }

    #[test]
    fn a_path_that_is_written_out_is_an_import() {
        for (text, expected) in [
            ("fn f() { crate::a::c::call() }", &["a::c call"][..]),
            ("fn f(x: super::c::X) -> [super::c::Y; 2] {}", &["a::c X", "a::c Y"]),
            ("const X: u8 = self::super::c::X;", &[]),
            ("fn f() { println!(\"{}\", crate::d::f::X) }", &["d::f X"]),
            ("use crate::d::f; fn f() { f::call::<u8>() }", &["d::f ", "d::f call"]),
            ("use crate::d::f as g; fn f() { match x { g::X => 1 } }", &["d::f ", "d::f X"]),
            ("impl crate::d::Trait for X {}", &["d Trait"]),
            ("mod inner { use super::super::c::X; fn f() { super::g() } }", &["a::c X"]),
        ] {
            assert_eq!(imports(text), expected, "{text}");
        }
    }

    #[test]
    fn an_import_is_of_the_module_that_defines_the_item() {
        assert_eq!(imports("use crate::d::E;"), ["d::e E"]);
        assert_eq!(imports("use crate::E;"), ["d::e E"]);
        assert_eq!(imports("use crate::d::given;"), ["d::e inner"]);
        assert_eq!(imports("use super::F;"), ["d F"]);
    }

    #[test]
    fn what_is_text_or_for_tests_is_no_import() {
        for text in [
            "// use super::c::X;\n/// [`X`](super::c::X)\nconst A: &str = \"crate::a::c::X\";",
            "#[cfg(test)] use super::c::X;",
            "#[cfg(test)]\n#[derive(Debug)]\nstruct A { x: super::c::X }",
            "#[cfg(test)] mod tests { use crate::a::c::X; }",
            "#[cfg(all(test, unix))] mod tests { use crate::a::c::X; }",
            "#[cfg(fuzzing)] pub(crate) mod c { use crate::a::c::X; }",
            "pub(in crate::d) struct A;",
            "macro_rules! m { ($x:ident) => { $crate::a::c::$x } }",
        ] {
            assert_eq!(imports(text), [""; 0], "{text}");
        }
        assert_eq!(imports("#[cfg(test)] struct A; use super::c::X;"), ["a::c X"]);
        assert_eq!(imports("#[cfg(unix)] use super::c::X;"), ["a::c X"]);
    }

    #[test]
    fn a_circle_is_found_and_a_door_that_gives_on_its_room_is_none() {
        let room = [("", "mod d;"), ("d", "mod e; pub use e::X; pub struct D;"), ("d::e", "use super::D;")];
        assert_eq!(of(&room).circle(), None);
        let used = [room[0], ("d", "mod e; pub use e::X; pub struct D(e::Y);"), room[2]];
        assert_eq!(of(&used).circle().unwrap(), ["d", "d::e", "d"]);
        let three = [("a", "use crate::b::B;"), ("b", "use crate::c::C;"), ("c", "fn f() { crate::a::f() }")];
        assert_eq!(of(&three).circle().unwrap().len(), 4);
    }

    #[test]
    fn the_other_crates_that_a_module_names_are_known() {
        let sources =
            [("", "mod a;"), ("a", "use std::io; use hyper::body::{Body, Frame}; fn f() { http::Uri::new() }")];
        let crates = of(&sources).crates(&["a".to_owned()]);
        assert!(crates.contains("hyper") && crates.contains("http") && !crates.contains("a"), "{crates:?}");
    }
}

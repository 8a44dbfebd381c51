//! What a file defines in public, and what its public signatures name: fields, variants, functions, methods, traits and
//! their implementations, also inside macros that declare settings.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::super::imports::{Segments, is_group, leaves, path, skip_if_for_tests};

#[derive(Default)]
pub(super) struct Signatures {
    /// The types and traits that are public here.
    pub(super) defined: BTreeSet<String>,
    /// What is named, by its whole path where a `use` brings it.
    pub(super) named: BTreeSet<Segments>,
    brought: BTreeMap<String, Segments>,
}

impl Signatures {
    pub(super) fn of(text: &str) -> Self {
        let items = items(text.parse().unwrap());
        let mut this = Self::default();
        items.iter().for_each(|item| this.define(item));
        items.iter().for_each(|item| this.visit(item));
        this
    }

    fn define(&mut self, item: &Item) {
        match item.kind.as_str() {
            "struct" | "enum" | "trait" | "type" if item.public => drop(self.defined.insert(item.name())),
            "use" => self.brought.extend(leaves(&item.tokens[1..]).into_iter().map(|(path, name)| (name, path))),
            "macro" => item.members().iter().for_each(|member| self.define(member)),
            _ => {}
        }
    }

    fn visit(&mut self, item: &Item) {
        match item.kind.as_str() {
            "macro" => item.members().iter().for_each(|member| self.visit(member)),
            "impl" if self.defined.contains(&item.implementor()) => self.implementation(item),
            "fn" | "type" | "const" if item.public => self.name(item.head()),
            "struct" if item.public => {
                self.name(item.head());
                let fields = parts(item.body()).into_iter().filter(|field| is_public(field));
                fields.for_each(|field| self.name(field));
            }
            "enum" if item.public => {
                self.name(item.head());
                parts(item.body()).into_iter().for_each(|variant| self.name(variant.into_iter().skip(1)));
            }
            "trait" if item.public => {
                self.name(item.head());
                item.members().iter().for_each(|member| self.name(member.head()));
            }
            _ => {}
        }
    }

    /// Whatever a trait asks for is public; else what says so.
    fn implementation(&mut self, item: &Item) {
        self.name(item.head());
        let of_trait = item.head().iter().any(|tree| is_ident(tree, "for"));
        for member in item.members().iter().filter(|member| of_trait || member.public) {
            self.name(member.head());
        }
    }

    fn name(&mut self, tokens: impl IntoIterator<Item = TokenTree>) {
        let mut trees: VecDeque<TokenTree> = tokens.into_iter().collect();
        while let Some(tree) = trees.pop_front() {
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == '#' || punct.as_char() == '\'' => drop(trees.pop_front()),
                TokenTree::Group(group) => self.name(group.stream()),
                TokenTree::Ident(first) => {
                    let path = path(first.to_string(), &mut trees);
                    let path = match self.brought.get(&path[0]) {
                        Some(brought) => [brought, &path[1..]].concat(),
                        None => path,
                    };
                    self.named.insert(path);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// A function, a type, an implementation: what stands up to a semicolon or a body in braces.
struct Item {
    public: bool,
    kind: String,
    tokens: Vec<TokenTree>,
}

const KINDS: [&str; 10] = ["struct", "enum", "trait", "impl", "fn", "mod", "use", "static", "type", "macro_rules"];

/// The items of a file or a body, without those for tests.
fn items(tokens: TokenStream) -> Vec<Item> {
    let mut trees: VecDeque<TokenTree> = tokens.into_iter().collect();
    let mut items = Vec::new();
    while let Some(tree) = trees.front() {
        if !is_punct(tree, '#') {
            items.push(item(&mut trees));
            continue;
        }
        trees.pop_front();
        match trees.front() {
            Some(tree) if is_punct(tree, '!') => drop(trees.drain(..2)), // an attribute of the file
            _ => skip_if_for_tests(&mut trees),
        }
    }
    items
}

fn item(trees: &mut VecDeque<TokenTree>) -> Item {
    let public = is_ident(&trees[0], "pub") && !is_group(trees.get(1), Delimiter::Parenthesis);
    if public {
        trees.pop_front();
    }
    let mut tokens = Vec::new();
    let mut kind = String::new();
    while let Some(tree) = trees.pop_front().filter(|tree| !is_punct(tree, ';')) {
        if let TokenTree::Ident(word) = &tree
            && kind.is_empty()
            && KINDS.contains(&word.to_string().as_str())
        {
            kind = word.to_string();
        }
        let ends = is_group(Some(&tree), Delimiter::Brace) && !["use", "static", "type"].contains(&kind.as_str());
        tokens.push(tree);
        if ends {
            break;
        }
    }
    if kind.is_empty() {
        let is_constant = tokens.first().is_none_or(|tree| is_ident(tree, "const"));
        kind = if is_constant { "const" } else { "macro" }.to_owned();
    }
    Item { public, kind, tokens }
}

impl Item {
    /// The word after that of its kind.
    fn name(&self) -> String {
        let at = self.tokens.iter().position(|tree| is_ident(tree, &self.kind)).unwrap();
        self.tokens[at + 1].to_string()
    }

    /// All but the body, or the value of a constant.
    fn head(&self) -> Vec<TokenTree> {
        let is_value = |tree: &TokenTree| self.kind == "const" && is_punct(tree, '=');
        let is_body = |tree: &TokenTree| match self.kind.as_str() {
            "struct" => matches!(tree, TokenTree::Group(group) if group.delimiter() != Delimiter::Bracket),
            _ => is_group(Some(tree), Delimiter::Brace),
        };
        self.tokens.iter().filter(|tree| !is_body(tree)).take_while(|tree| !is_value(tree)).cloned().collect()
    }

    fn body(&self) -> TokenStream {
        let groups = self.tokens.iter().rev().filter_map(|tree| match tree {
            TokenTree::Group(group) if group.delimiter() != Delimiter::Bracket => Some(group.stream()),
            _ => None,
        });
        groups.into_iter().next().unwrap_or_default() // `struct Nothing;`
    }

    fn members(&self) -> Vec<Self> {
        items(self.body())
    }

    /// The type that an `impl` is for: the first word behind `for`, or behind the parameters.
    fn implementor(&self) -> String {
        let head = self.head();
        let mut depth = 0;
        let mut own = Vec::new();
        for (at, tree) in head.iter().enumerate() {
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
                TokenTree::Punct(punct) if punct.as_char() == '>' && !is_arrow(&head, at) => depth -= 1,
                TokenTree::Ident(word) if depth == 0 && word == "where" => break,
                TokenTree::Ident(word) if depth == 0 && word == "for" => own.clear(),
                TokenTree::Ident(word) if depth == 0 && word != "impl" => own.push(word.to_string()),
                _ => {}
            }
        }
        own.pop().unwrap_or_default() // `impl<T> Trait for [T]`
    }
}

/// The fields or variants of a body, without their attributes.
fn parts(body: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut trees: VecDeque<TokenTree> = body.into_iter().collect();
    let mut parts = vec![Vec::new()];
    let mut depth = 0;
    while let Some(tree) = trees.pop_front() {
        match &tree {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                trees.pop_front();
                continue;
            }
            TokenTree::Punct(punct) if [',', ';'].contains(&punct.as_char()) && depth == 0 => {
                parts.push(Vec::new());
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => {
                depth -= i32::from(!is_arrow(parts.last().unwrap(), parts.last().unwrap().len()))
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(tree);
    }
    parts
}

/// Whether the `>` at this place ends `->` or `=>`.
fn is_arrow(trees: &[TokenTree], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| is_punct(&trees[before], '-') || is_punct(&trees[before], '='))
}

fn is_public(field: &[TokenTree]) -> bool {
    field.first().is_some_and(|tree| is_ident(tree, "pub")) && !is_group(field.get(1), Delimiter::Parenthesis)
}

fn is_ident(tree: &TokenTree, word: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(tree: &TokenTree, sign: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<String> {
        let signatures = Signatures::of(text);
        let names = signatures.named.iter().map(|path| path.join("::"));
        names.filter(|name| name.contains(char::is_uppercase)).collect()
    }

    #[test]
    fn what_is_public_in_an_item_is_named() {
        for (text, expected) in [
            ("pub struct S<T: B> { pub a: Map<K, V>, b: X, pub(crate) c: X }", &["B", "K", "Map", "S", "T", "V"][..]),
            ("pub struct S(pub A, X);", &["A", "S"]),
            ("pub enum E { /** X */ V(A), W { b: B }, X }", &["A", "B", "E"]),
            ("pub trait T: A { type B: C; fn f(&self) -> D { X } }", &["A", "B", "C", "D", "T"]),
            (
                "pub const fn f<'a, F: Fn(A) -> B>(f: F) -> impl C where D: E { X }",
                &["A", "B", "C", "D", "E", "F", "Fn"],
            ),
            ("pub const A: B = C;", &["A", "B"]),
            ("pub type A = B<C>;", &["A", "B", "C"]),
            ("struct A { pub b: X } pub(crate) fn f(x: X) {} fn g(x: X) {}", &[]),
            ("use a::B; use c::{D, e as F}; pub fn f(b: B, d: d::D, f: F) {}", &["a::B", "d::D"]),
            ("settings! { pub struct S in \"s\" { /** X */ pub a: A = \"X\", } }", &["A", "S"]),
            ("#[cfg(test)] mod tests { pub fn f(x: X) {} }", &[]),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
    }

    #[test]
    fn an_implementation_counts_for_a_public_type() {
        let of = |text: &str| named(&format!("pub struct S; struct P; {text}"));
        assert_eq!(of("impl S { pub fn f(a: A) {} fn g(x: X) {} pub const B: C = D; }"), ["A", "B", "C", "S"]);
        assert_eq!(of("impl<T> A<B> for S where C: D { type E = F; fn f(g: G) { X } }").len(), 9);
        assert_eq!(of("impl X for P { fn f(x: X) {} }"), ["S"]);
    }
}

//! Looks at a folder before what embeds it does: diesel's `embed_migrations!` and rust-embed say neither where they
//! looked for a folder nor what to do. Only a macro of this kind sees the file system.

mod files;
mod migrations;

use std::path::{Path, PathBuf};

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// Diesel's `embed_migrations!` of the folder in this string literal; a compiler error where that has no migrations.
#[proc_macro]
pub fn embed_folder(input: TokenStream) -> TokenStream {
    let span = input.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span());
    match folder(&input.to_string()).and_then(|(written, path)| migrations::problem(&written, &path)) {
        Some(problem) => error(&problem, span),
        None => call(&["diesel_migrations", "embed_migrations"], input, span),
    }
}

/// The expression after a string literal and a comma, which embeds the files of the folder in the literal; a compiler
/// error where that has no file.
#[proc_macro]
pub fn embed_files(input: TokenStream) -> TokenStream {
    let mut tokens = input.into_iter();
    let (literal, expression) = (tokens.next(), tokens.skip(1).collect());
    let Some(literal) = literal else { return expression };
    match folder(&literal.to_string()).and_then(|(written, path)| files::problem(&written, &path)) {
        Some(problem) => error(&problem, literal.span()),
        None => expression,
    }
}

/// The folder of a plain string literal, as it is written and where it lies. What is none is left to who embeds it.
fn folder(literal: &str) -> Option<(String, PathBuf)> {
    let written = literal.strip_prefix('"')?.strip_suffix('"')?;
    let package = std::env::var_os("CARGO_MANIFEST_DIR").filter(|_| !written.contains('\\'))?;
    Some((written.to_owned(), Path::new(&package).join(written)))
}

fn error(problem: &str, span: Span) -> TokenStream {
    call(&["compile_error"], TokenTree::Literal(Literal::string(problem)).into(), span)
}

/// `path!(argument)`, whose errors are shown at `span`.
fn call(path: &[&str], argument: TokenStream, span: Span) -> TokenStream {
    let separator = || [Punct::new(':', Spacing::Joint), Punct::new(':', Spacing::Alone)].map(TokenTree::Punct);
    let mut tokens: Vec<TokenTree> = Vec::new();
    for (at, name) in path.iter().enumerate() {
        tokens.extend((at > 0).then(separator).into_iter().flatten());
        tokens.push(Ident::new(name, Span::call_site()).into());
    }
    tokens.push(Punct::new('!', Spacing::Alone).into());
    tokens.push(Group::new(Delimiter::Parenthesis, argument).into());
    tokens.iter_mut().for_each(|token| token.set_span(span));
    tokens.into_iter().collect()
}

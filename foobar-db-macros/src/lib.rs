//! Looks at a folder of migrations before diesel's `embed_migrations!` does, which says neither where it looked for a
//! folder nor what to do. Only a macro of this kind sees the file system.

mod folder;

use std::path::Path;

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// Diesel's `embed_migrations!` of the folder in this string literal; a compiler error where that has no migrations.
#[proc_macro]
pub fn embed_folder(input: TokenStream) -> TokenStream {
    let span = input.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span());
    match problem(&input) {
        Some(problem) => call(&["compile_error"], TokenTree::Literal(Literal::string(&problem)).into(), span),
        None => call(&["diesel_migrations", "embed_migrations"], input, span),
    }
}

/// What is wrong with the folder. What is no plain string literal is left to diesel's macro.
fn problem(input: &TokenStream) -> Option<String> {
    let literal = input.to_string();
    let written = literal.strip_prefix('"')?.strip_suffix('"')?;
    let package = std::env::var_os("CARGO_MANIFEST_DIR").filter(|_| !written.contains('\\'))?;
    folder::problem(written, &Path::new(&package).join(written))
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

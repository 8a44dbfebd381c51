//! The page of messages has every sentence that the program may say before it serves, and none that it does not say.
//!
//! The sentences are read from the sources: the texts of three words and more. Left out are lines of the log below a warning,
//! reasons of `expect`, the files of `OF_REQUESTS` and what `ELSEWHERE` names. So a new message of a command fails here until
//! the page has it. What the system, the database and the parsers of TOML and of the command line say is theirs, and not there.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::page::Page;
use super::pages;
use crate::architecture::rust_files;

/// Where the sentences are: all sources of these.
const SOURCES: [&str; 5] = ["src", "foobar-core/src", "foobar-app/src", "foobar-db/src", "foobar-web/src"];

/// Files and folders that speak of requests, connections, queries and streams: to the client, to the handler or in the log,
/// and no command prints it.
const OF_REQUESTS: &[&str] = &[
    "foobar-core/src/config/nginx.rs", // the table of another page
    "foobar-app/src/accounts.rs",
    "foobar-app/src/accounts/",
    "foobar-app/src/bearer.rs",
    "foobar-app/src/context.rs",
    "foobar-app/src/cross_site",
    "foobar-app/src/db.rs",
    "foobar-app/src/error.rs",
    "foobar-app/src/field_errors.rs",
    "foobar-app/src/form",
    "foobar-app/src/guard",
    "foobar-app/src/input",
    "foobar-app/src/json.rs",
    "foobar-app/src/runtime/response.rs",
    "foobar-app/src/runtime/tunnel",
    "foobar-app/src/runtime/kept.rs",
    "foobar-app/src/send_file.rs",
    "foobar-app/src/session.rs",
    "foobar-app/src/session/cookie.rs",
    "foobar-app/src/session/current.rs",
    "foobar-app/src/session/store",
    "foobar-app/src/session/token.rs",
    "foobar-app/src/signed_in.rs",
    "foobar-app/src/sse",
    "foobar-app/src/streamed.rs",
    "foobar-app/src/uploads",
    "foobar-core/src/body",
    "foobar-core/src/default_fields.rs",
    "foobar-core/src/early_hints.rs",
    "foobar-core/src/log/repeats.rs",
    "foobar-core/src/log/summary.rs",
    "foobar-core/src/metrics",
    "foobar-core/src/problem.rs",
    "foobar-db/src/attempt.rs",
    "foobar-db/src/connections.rs",
    "foobar-db/src/db.rs",
    "foobar-db/src/failure.rs",
    "foobar-db/src/misread",
    "foobar-db/src/mysql/bind.rs",
    "foobar-db/src/mysql/connection.rs",
    "foobar-db/src/mysql/row/",
    "foobar-db/src/mysql/control.rs",
    "foobar-db/src/migrations/ledger/",
    "foobar-db/src/mysql/link.rs",
    "foobar-db/src/passing.rs",
    "foobar-db/src/sql/",
    "foobar-db/src/sqlite.rs",
    "foobar-db/src/sqlite/handle.rs",
    "foobar-web/src/access_log/line.rs",
    "foobar-web/src/encoding/",
    "foobar-web/src/file_source/disk_file.rs",
    "foobar-web/src/http1",
    "foobar-web/src/http2",
    "foobar-web/src/in_process",
    "foobar-web/src/net/proxy_protocol",
    "foobar-web/src/net/tcp.rs",
    "foobar-web/src/net/unacknowledged.rs",
    "foobar-web/src/pipeline",
    "foobar-web/src/reply",
    "foobar-web/src/request",
    "foobar-web/src/static_files/autoindex",
    "foobar-web/src/static_files/cache",
    "foobar-web/src/static_files/hashes.rs",
    "foobar-web/src/static_files/lister.rs",
    "foobar-web/src/static_files/resource.rs",
    "foobar-web/src/threads/accept.rs",
    "foobar-web/src/threads/handshake.rs",
    "foobar-web/src/threads/protocol.rs",
    "foobar-web/src/threads/proxied.rs",
    "foobar-web/src/tunnel.rs",
    "foobar-web/src/worker",
    "src/reference.rs",
    "src/test",
];

/// Texts that are no message of a command, by their beginnings, and what they are.
const ELSEWHERE: &[(&str, &[&str])] = &[
    (
        "output that is no error",
        &[
            "admin          ",
            "  also from other sites",
            "application  a service",
            "configuration  number",
            "defaults, no file",
            "maintenance is o",
            "missing  ",
            "no site has a certificate",
            "none has been issued yet",
            "none is in flight",
            "none: its files are looked after elsewhere",
            "nothing found in",
            "on for {lasted} s",
            "paused already; nothing",
            "paused: requests for",
            "resumed after {",
            "nothing to migrate",
            "the names lead here",
            "copied  ",
            "marked as done",
            "{} requests in the application",
            "nothing to take back",
            "nothing to unlock",
            "program        ",
            "vacuumed  ",
            "the program's defaults",
            "-- ",
            "made {name}: ",
            "pages ",
            "an API ",
        ],
    ),
    (
        "what the doctor finds to be well",
        &[
            "any number of files",
            "no file: there is no",
            "no rustc in PATH",
            "none for {names} yet, the server",
            "none is configured",
            "none: `database.url`",
            "the database's clock is the same",
            "the log {} can be written",
            "this is user {}",
            "this very program, process",
            "{address} is taken by this very program",
            "{address} is taken by {other}; a free port",
            "{limit} files may be open, {needed} are enough",
            "{place} can be read",
            "{place} is not there yet",
            "{place} is reached",
            "{} with static files",
        ],
    ),
    (
        "parts of other messages",
        &[
            "a private key",
            "a process that has just ended",
            "a list of revoked certificates",
            "the access log",
            "looked at, not read",
        ],
    ),
    (
        "values, parts of statements and bodies of answers",
        &[
            "/livez, /readyz",
            "information_schema.tables",
            "mysql://{user}",
            "process        {}",
            "process {from} still has",
            "connections that end",
            "group_concat(printf(",
            "one that is closed",
            "serving and hearing",
            "replaces field mismatch",
            "server         not ready",
            "{} {target} HTTP/1.1",
            "public, max-age=31536000",
            "server: not ready",
            "sqlite_schema",
            "token, holder",
            "token = ?",
            "{UNLIMITED}; SET",
            "version, name, CAST",
            "text/plain; version",
        ],
    ),
    (
        "lines of the log about one connection, or about a tier of the program's own",
        &[
            "no certificate is for the name",
            "its end got no thread",
            "its word of the stop",
            "nobody knows what",
            "what was cut off is to be told",
            "its runtime has been shut down",
            "a panic without a message",
        ],
    ),
    (
        "names of parameters of other clients",
        &[
            "connectionlimit",
            "connectiontimeout pool",
            "idletimeout wait",
            "localinfile allow",
            "maxlifetime max",
            "parsetime allow",
            "pooltimeout check",
            "readtimeout write",
            "sqlmode init",
            "sslca ssl",
            "sslcert ssl",
            "sslverifycert verify",
            "timeout connect",
            "user username",
            "verifyidentity ssl",
        ],
    ),
    ("parts of a message that has its word elsewhere", &["a number with its unit", "`{name}` is not the same"]),
    (
        "what a stop waits for, by name",
        &[
            "a task that the application has spawned",
            "the application's own stop got no thread",
            "the migrations of the database; if",
            "{tasks} tasks that the application",
        ],
    ),
    (
        "what the compiler says",
        &[
            "`embed!` needs the folder",
            "`embed_migrations!` needs the folder",
            "a server does nothing until",
            "keep it, to stop the server",
            "nothing has changed until it is applied",
        ],
    ),
];

/// What stands in front of texts that nobody reads who runs a command.
const UNREAD: [&str; 10] =
    ["info", "debug", "trace", "expect", "assert", "assert_eq", "debug_assert", "panic", "unreachable", "doc"];

#[test]
fn the_page_of_messages_has_every_sentence_of_the_sources() {
    let page = plain(&page().text);
    let missing: Vec<_> = sentences().into_iter().filter(|sentence| !is_in(&page, sentence)).collect();
    assert!(missing.is_empty(), "docs/src/messages.md lacks: {missing:#?}");
}

#[test]
fn the_page_of_messages_has_no_sentence_that_the_sources_do_not_have() {
    let sources = plain(&texts(2).join("\n"));
    let page = page();
    let stale: Vec<_> = messages(&page).into_iter().filter(|message| !is_in(&sources, message)).collect();
    assert!(stale.is_empty(), "no source says: {stale:#?}");
}

fn page() -> Page {
    pages().into_iter().find(|page| page.name == "messages.md").expect("it is a page")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_test(file: &str) -> bool {
    ["/tests", "tests.rs", "fuzzing", "testing"].iter().any(|part| file.contains(part))
}

/// A file without its tests.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.split("\n#[cfg(test)]").next().unwrap().to_owned()
}

/// The sentences of all sources, as they are written there.
fn sentences() -> Vec<String> {
    let mut found = texts(3);
    let is_elsewhere =
        |text: &String| ELSEWHERE.iter().flat_map(|(_, texts)| *texts).any(|other| text.starts_with(other));
    found.retain(|text| is_message(text) && !is_elsewhere(text));
    found
}

/// Texts of so many words.
fn texts(words: usize) -> Vec<String> {
    let mut found = Vec::new();
    for file in SOURCES.iter().flat_map(|folder| rust_files(&root().join(folder))) {
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if !is_test(&name) && !OF_REQUESTS.iter().any(|other| name.starts_with(other)) {
            collect(code(&file).parse().unwrap(), &mut found);
        }
    }
    found.retain(|text| has_words(text, words));
    found
}

/// Adds the sentences among these tokens.
fn collect(tokens: TokenStream, found: &mut Vec<String>) {
    let mut before = String::new(); // the last word: a function, a macro
    for token in tokens {
        match token {
            TokenTree::Group(group) if !UNREAD.contains(&before.as_str()) && !is_documentation(&group.stream()) => {
                collect(group.stream(), found);
            }
            TokenTree::Literal(literal) => found.extend(text(&literal.to_string())),
            TokenTree::Ident(word) => before = word.to_string(),
            TokenTree::Punct(sign) if sign.as_char() != '!' => before.clear(),
            _ => {}
        }
    }
}

/// `[doc = "…"]` and what else is for a reader of the sources or of the compiler, without its hash.
fn is_documentation(tokens: &TokenStream) -> bool {
    let first = tokens.clone().into_iter().next().map(|first| first.to_string());
    first.is_some_and(|first| ["doc", "diagnostic", "expect"].contains(&first.as_str()))
}

/// What a literal says.
fn text(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut lines = inner.split("\\\n");
    let first = lines.next()?.to_owned();
    let whole = lines.fold(first, |text, line| text + line.trim_start());
    Some(whole.replace("\\\"", "\"").replace("\\n", " "))
}

/// A message begins small; help, pages and SQL with a capital or a bracket.
fn is_message(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_uppercase() || first == '(')
}

fn has_words(text: &str, many: usize) -> bool {
    let pieces = pieces(text);
    let words = pieces.iter().flat_map(|piece| piece.split(' ')).filter(|word| word.chars().any(char::is_alphabetic));
    words.count() >= many
}

/// What does not differ from one time to the next: between `{…}`, and on the page between `…`.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut depth = 0;
    for letter in plain(text).chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            '…' => pieces.push(String::new()),
            letter if depth == 0 => pieces.last_mut().expect("there is one").push(letter),
            _ => {}
        }
        if letter == '{' {
            pieces.push(String::new());
        }
    }
    pieces.iter().map(|piece| piece.trim_matches(|letter: char| " ,;:()[]".contains(letter)).to_owned()).collect()
}

/// Without quotes and line breaks.
fn plain(text: &str) -> String {
    text.replace(['`', '"'], "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether `whole` has what of `text` does not differ, but for pieces that are too short to say anything.
fn is_in(whole: &str, text: &str) -> bool {
    let pieces = pieces(text);
    let longest = pieces.iter().map(String::len).max().unwrap_or_default(); // there is one
    pieces.iter().filter(|piece| piece.len() >= longest.min(10)).all(|piece| whole.contains(piece.as_str()))
}

/// The messages on the page: what stands in code and is longer than a name or a command.
fn messages(page: &Page) -> Vec<String> {
    let prose = page.prose().iter().map(|(_, line)| *line).collect::<Vec<_>>().join(" ");
    let code = prose.split('`').skip(1).step_by(2).map(str::to_owned);
    code.filter(|text| has_words(text, 3) && !text.starts_with("openssl") && !text.starts_with("chmod")).collect()
}

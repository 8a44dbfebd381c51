//! The rooms of the web tier and the arrows between them; and that no crate has a circle.

use std::collections::BTreeSet;

use super::imports::{Crate, Import};
use super::{read, root};

/// The rooms of foobar-web from the top floor down, and all that each may import. Arrows go down.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "fuzzing",
        &[
            "access_log",
            "counters",
            "dns",
            "file_source",
            "gate",
            "http1",
            "http2",
            "issuer",
            "kept",
            "net",
            "pipeline",
            "plan",
            "request",
            "settings",
            "static_files",
            "worker",
        ],
    ),
    (
        "in_process",
        &[
            "deadline",
            "error",
            "file_source",
            "gate",
            "net",
            "pipeline",
            "plan",
            "reply",
            "request",
            "settings",
            "site",
            "threads",
            "tunnel",
            "web_tier",
            "worker",
        ],
    ),
    ("dns", &["error", "issuer", "kept", "net", "settings", "site"]),
    (
        "web",
        &["error", "file_source", "gate", "issuer", "kept", "net", "plan", "settings", "site", "threads", "web_tier"],
    ),
    ("web_tier", &["error", "gate", "kept", "net", "settings", "site"]),
    (
        "threads",
        &[
            "access_log",
            "clock",
            "counters",
            "deadline",
            "error",
            "file_source",
            "gate",
            "http1",
            "http2",
            "kept",
            "net",
            "pipeline",
            "plan",
            "settings",
            "site",
            "worker",
        ],
    ),
    (
        "http1",
        &[
            "access_log",
            "counters",
            "deadline",
            "file_source",
            "limits",
            "net",
            "pipeline",
            "reply",
            "request",
            "tunnel",
            "worker",
        ],
    ),
    ("http2", &["deadline", "limits", "net", "pipeline", "reply", "request", "tunnel", "worker"]),
    ("worker", &["clock", "counters", "deadline", "limits", "memory", "net", "pipeline", "reply", "request", "site"]),
    (
        "plan",
        &[
            "access_log",
            "error",
            "file_source",
            "gate",
            "issuer",
            "kept",
            "limits",
            "memory",
            "net",
            "settings",
            "site",
            "static_files",
        ],
    ),
    ("issuer", &["error", "kept", "net", "settings", "site"]),
    ("pipeline", &["access_log", "counters", "gate", "memory", "net", "reply", "request", "site", "static_files"]),
    ("site", &["counters", "error", "kept", "limits", "reply", "request", "settings", "static_files"]),
    ("static_files", &["encoding", "error", "file_source", "limits", "memory", "pool", "reply", "request", "settings"]),
    ("net", &["error", "kept"]),
    ("deadline", &["limits", "reply"]),
    ("access_log", &["clock", "counters", "error", "settings"]),
    ("limits", &["error", "settings"]),
    ("reply", &["clock", "file_source"]),
    ("settings", &["encoding", "file_source"]),
    ("file_source", &["pool"]),
    ("encoding", &["memory", "pool"]),
    ("request", &[]),
    ("tunnel", &[]),
    ("memory", &[]),
    ("pool", &[]),
    ("clock", &[]),
    ("kept", &[]),
    ("gate", &[]),
    ("counters", &[]),
    ("error", &[]),
];

/// What rooms must not know beyond their neighbours.
const STRANGERS: &[(&[&str], &[&str])] = &[
    (&["net", "file_source", "memory", "pool", "limits"], &["http", "http_body", "httpdate", "h2"]),
    (&["threads", "http1", "worker", "plan", "pipeline", "site", "static_files", "reply", "request"], &["h2"]),
];

/// Rooms of the database tier that do not know each other: what is of one engine, migrations ask of a `Conn`, and what both
/// need lies in a room below them.
const APART: &[(&str, &[&str])] = &[
    ("migrations", &["mysql", "sqlite"]),
    ("mysql", &["migrations", "sqlite"]),
    ("sqlite", &["migrations", "mysql"]),
    ("failure", &["mysql", "sqlite"]),
    ("migration_lock", &["conn", "migrations", "mysql", "sqlite"]),
];

const CRATES: &[&str] = &["src", "foobar-core/src", "foobar-app/src", "foobar-db/src", "foobar-web/src"];

#[test]
fn the_arrows_between_the_rooms_of_the_web_tier_hold() {
    let web = web();
    let rooms: BTreeSet<&str> = web.modules().iter().filter_map(|module| Some(module.first()?.as_str())).collect();
    assert_eq!(rooms, ROOMS.iter().map(|(room, _)| *room).collect(), "each room is in the table");
    assert_eq!(forbidden(&web, ROOMS), [""; 0], "an import goes where the table has no arrow");
    let used: BTreeSet<_> = arrows(&web).map(|(from, to, _)| (from, to)).collect();
    for (floor, (room, allowed)) in ROOMS.iter().enumerate() {
        for other in *allowed {
            assert!(ROOMS[floor + 1..].iter().any(|(below, _)| below == other), "{room} → {other} does not go down");
            let arrow = ((*room).to_owned(), (*other).to_owned());
            assert!(used.contains(&arrow), "nobody uses {room} → {other}");
        }
    }
}

#[test]
fn an_import_against_the_arrows_is_found_in_whatever_form() {
    let upward = ["use crate::top::X;", "use super::{bottom, top::X};", "fn f() { crate::top::f() }"];
    for text in upward {
        let sources = [("top", "pub struct X;"), ("middle", text), ("bottom", "")];
        let sources = sources.map(|(room, text)| (vec![room.to_owned()], text.to_owned()));
        let table: &[(&str, &[&str])] = &[("top", &["middle"]), ("middle", &["bottom"]), ("bottom", &[])];
        assert_eq!(forbidden(&Crate::of(sources), table).len(), 1, "{text}");
    }
}

#[test]
fn no_two_modules_of_a_crate_import_each_other_over_whatever_way() {
    for source in CRATES {
        assert_eq!(Crate::read(&root().join(source)).circle(), None, "{source}");
    }
}

/// Of the database tier that is said of single rooms, below: each engine gives a connection that is one of all engines.
#[test]
fn no_two_rooms_of_a_crate_import_each_other_over_whatever_way() {
    for source in CRATES.iter().filter(|source| **source != "foobar-db/src") {
        assert_eq!(Crate::read(&root().join(source)).circle_of_rooms(), None, "{source}");
    }
}

#[test]
fn the_engines_of_the_database_tier_and_its_migrations_do_not_know_each_other() {
    let database = Crate::read(&root().join("foobar-db/src"));
    let known: BTreeSet<_> = database.modules().iter().filter_map(|module| module.first()).collect();
    let mut against = Vec::new();
    for (room, others) in APART {
        assert!(
            others.iter().chain([room]).all(|room| known.contains(&(*room).to_owned())),
            "{room} or {others:?} is gone"
        );
        let between = arrows(&database).filter(|(from, to, _)| from == room && others.contains(&to.as_str()));
        against.extend(between.map(|(.., Import { from, to, item })| (from.join("/"), to.join("::"), item)));
    }
    assert_eq!(against, []);
}

#[test]
fn every_room_says_what_it_is_for() {
    for (room, _) in ROOMS {
        let path = root().join("foobar-web/src").join(room).with_extension("rs");
        assert!(read(&path).starts_with("//! "), "{} does not begin with `//!`", path.display());
    }
}

#[test]
fn a_room_knows_no_crate_that_is_not_its_business() {
    let web = web();
    for (rooms, strangers) in STRANGERS {
        let inside = |module: &&Vec<String>| module.first().is_some_and(|room| rooms.contains(&room.as_str()));
        for module in web.modules().iter().filter(inside) {
            let named = web.crates(module);
            let known: Vec<_> = strangers.iter().filter(|stranger| named.contains(**stranger)).collect();
            assert!(known.is_empty(), "{} must not know {known:?}", module.join("/"));
        }
    }
}

#[test]
fn of_a_connection_of_http1_the_other_rooms_see_how_it_is_served_alone() {
    let web = web();
    let seen = arrows(&web).filter(|(from, to, _)| to == "http1" && from != "fuzzing");
    let seen: BTreeSet<_> = seen.map(|(.., import)| import.item).collect();
    assert_eq!(seen, ["refuse_plain", "serve"].map(str::to_owned).into());
}

fn web() -> Crate {
    Crate::read(&root().join("foobar-web/src"))
}

/// The imports of one room from another; the top of the crate is no room.
fn arrows(sources: &Crate) -> impl Iterator<Item = (String, String, Import)> {
    sources.imports().into_iter().filter_map(|import| {
        let (from, to) = (import.from.first()?.clone(), import.to.first()?.clone());
        (from != to).then_some((from, to, import))
    })
}

fn forbidden(sources: &Crate, rooms: &[(&str, &[&str])]) -> Vec<String> {
    let allowed = |from: &str, to: &str| rooms.iter().any(|(room, below)| *room == from && below.contains(&to));
    let against = arrows(sources).filter(|(from, to, _)| !allowed(from, to));
    against.map(|(.., Import { from, to, item })| format!("{} → {}::{item}", from.join("/"), to.join("::"))).collect()
}

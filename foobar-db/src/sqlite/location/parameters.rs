//! What the parameters of other clients mean here: those of SQLite's own URIs, Go, Python, Prisma and Rust.

use crate::Error;
use crate::url_parameter::{NO_FLAG, UrlParameter, is_in};

/// Whether `parameters`, which stand behind the `?`, ask for a database in memory; an error where one of them asks for
/// what cannot be.
pub(super) fn are_of_memory(parameters: &str) -> Result<bool, Error> {
    let mut in_memory = false;
    for parameter in UrlParameter::all(parameters) {
        match understand(parameter) {
            Ok(()) => in_memory |= parameter.key() == "mode" && parameter.value == "memory",
            Err(why) => return Err(parameter.refuse(why)),
        }
    }
    Ok(in_memory)
}

/// Nothing where it asks for what is the case anyway.
fn understand(parameter: UrlParameter<'_>) -> Result<(), &'static str> {
    let (key, word) = (parameter.key(), parameter.word());
    match key.as_str() {
        "mode" => mode(&word),
        "cache" => is_one_of(&word, "shared private", "whose value is neither `shared` nor `private`"),
        "journal" | "journalmode" => is_one_of(&word, "wal", "and the journal is always a WAL; leave it out"),
        "sync" | "synchronous" => is_one_of(&word, "full 2", "and `synchronous` is always `FULL`; leave it out"),
        "fk" | "foreignkeys" => match parameter.flag() {
            Some(true) => Ok(()),
            Some(false) => Err("and foreign keys are always enforced; leave it out"),
            None => Err(NO_FLAG),
        },
        "txlock" => is_one_of(&word, "immediate", "and every write begins by `BEGIN IMMEDIATE`; leave it out"),
        "uri" | "checksamethread" | "cachedstatements" | "detecttypes" | "loc" | "texttotime" | "timeformat" => Ok(()),
        key => Err(ELSEWHERE.iter().find(|(names, _)| is_in(names, key)).map_or(UNKNOWN, |(_, why)| why)),
    }
}

/// What is set elsewhere, and where.
const ELSEWHERE: &[(&str, &str)] = &[
    ("timeout busytimeout", "a wait for locks; set `database.lock_timeout` instead"),
    ("sockettimeout querytimeout", "a timeout for queries; set `database.query_timeout` instead"),
    (
        "connectiontimeout pooltimeout acquiretimeout",
        "how long a call waits for a connection; set `database.acquire_timeout` instead",
    ),
    ("connectionlimit poolsize maxconnections", "the size of a pool; set `database.readers` instead"),
];

const UNKNOWN: &str = "which Foobar does not know; leave it out: what is to be set is in the section `[database]`";

fn mode(mode: &str) -> Result<(), &'static str> {
    match mode {
        "rwc" | "memory" => Ok(()),
        "ro" => Err("and its value `ro` asks for a database that is only read, where Foobar opens it to write; \
             leave it out: `Db::read` cannot write anyway"),
        "rw" => Err("and its value `rw` asks for a file that is there, where a start makes one that is missing; \
             leave it out: the log says where one is made"),
        _ => Err("whose value is neither `rwc` nor `memory`"),
    }
}

fn is_one_of(word: &str, words: &str, why: &'static str) -> Result<(), &'static str> {
    if is_in(words, word) { Ok(()) } else { Err(why) }
}

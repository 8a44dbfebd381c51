//! A map where a store of sessions is wanted.
//~ cannot keep sessions
//~ `Sessions::in_database()` and `Sessions::in_cookie()` need no store of your own
//~ implement `foobar::tiers::SessionStore`
use std::collections::HashMap;

fn main() {
    let _sessions = foobar::Sessions::in_store(HashMap::<String, String>::new());
}

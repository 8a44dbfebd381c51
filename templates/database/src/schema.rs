//! The tables, as `migrations/` makes them on each engine.

diesel::table! {
    messages (id) {
        id -> BigInt,
        author -> Text,
        body -> Text,
    }
}

//! The tables, as `migrations/` makes them on every engine.

diesel::table! {
    products (id) {
        id -> Integer,
        name -> Text,
        category -> Text,
        summary -> Text,
        description -> Text,
        picture -> Text,
        price_cents -> Integer,
        featured -> Bool,
    }
}

diesel::table! {
    pages (slug) {
        slug -> Text,
        title -> Text,
        summary -> Text,
        body -> Text,
        updated_on -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use foobar::DateTime;

    messages (id) {
        id -> BigInt,
        name -> Text,
        address -> Text,
        body -> Text,
        sent_at -> DateTime,
        sender -> Text,
    }
}

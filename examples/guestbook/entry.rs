//! The entries, and what a visitor types for one.

use diesel::prelude::*;
use foobar::{Conn, QueryResult};
use serde::Deserialize;

diesel::table! {
    entries (id) {
        id -> Integer,
        name -> Text,
        message -> Text,
        stars -> SmallInt,
        public -> Bool,
    }
}

diesel::table! {
    pictures (entry_id) {
        entry_id -> Integer,
        file -> Text,
    }
}

diesel::joinable!(pictures -> entries (entry_id));
diesel::allow_tables_to_appear_in_same_query!(entries, pictures);

/// The fields of the form, and the rules that they keep.
#[derive(Deserialize, garde::Validate, Insertable)]
#[diesel(table_name = entries)]
pub(crate) struct NewEntry {
    #[garde(custom(is_written), length(chars, max = 80))]
    name: String,
    #[garde(custom(is_written), length(chars, max = 2000))]
    message: String,
    #[garde(range(min = 1, max = 5))]
    stars: i16,
    #[garde(skip)]
    public: bool,
}

/// Blanks are no name.
fn is_written(text: &str, _: &()) -> garde::Result {
    if text.trim().is_empty() { Err(garde::Error::new("is required")) } else { Ok(()) }
}

impl NewEntry {
    /// Adds it, with the file of its picture; a name signs once.
    pub(crate) fn insert(&self, conn: &mut Conn, picture: Option<&str>) -> QueryResult<()> {
        diesel::insert_into(entries::table).values(self).execute(conn)?;
        let Some(picture) = picture else { return Ok(()) };
        let id: i32 = entries::table.filter(entries::name.eq(&self.name)).select(entries::id).first(conn)?;
        let row = (pictures::entry_id.eq(id), pictures::file.eq(picture));
        diesel::insert_into(pictures::table).values(row).execute(conn).map(|_rows| ())
    }
}

/// An entry as it is shown.
#[derive(Queryable)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) stars: i16,
    /// The entry that a picture is of.
    pub(crate) picture: Option<i32>,
}

impl Entry {
    /// The newest ones that everybody may see.
    pub(crate) fn newest(conn: &mut Conn, most: u32) -> QueryResult<Vec<Self>> {
        entries::table
            .left_join(pictures::table)
            .filter(entries::public)
            .order(entries::id.desc())
            .limit(most.into())
            .select((entries::name, entries::message, entries::stars, pictures::entry_id.nullable()))
            .load(conn)
    }
}

/// The file of an entry's picture.
pub(crate) fn picture(conn: &mut Conn, entry: i32) -> QueryResult<String> {
    pictures::table
        .inner_join(entries::table)
        .filter(entries::public.and(entries::id.eq(entry)))
        .select(pictures::file)
        .first(conn)
}

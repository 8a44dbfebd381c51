//! The pages of text that are kept in the database, such as `/about`.

use diesel::{NotFound, prelude::*};
use foobar::{Conn, DateTime, FormFields, QueryResult, garde};
use serde::Deserialize;

use crate::schema::pages;
use crate::text::{is_line, is_plain, is_written};

/// A page of text.
#[derive(Debug, Queryable, Selectable, Insertable)]
pub(crate) struct Page {
    pub(crate) slug: String,
    pub(crate) title: String,
    /// One sentence, for search engines.
    pub(crate) summary: String,
    /// Paragraphs and headings, an empty line between two; see [`Block`].
    pub(crate) body: String,
    /// `YYYY-MM-DD`.
    pub(crate) updated_on: String,
}

impl Page {
    pub(crate) fn find(conn: &mut Conn, slug: &str) -> QueryResult<Self> {
        pages::table.find(slug).select(Self::as_select()).first(conn)
    }

    pub(crate) fn all(conn: &mut Conn) -> QueryResult<Vec<Self>> {
        pages::table.order(pages::slug).select(Self::as_select()).load(conn)
    }

    /// Of all pages.
    pub(crate) fn slugs(conn: &mut Conn) -> QueryResult<Vec<String>> {
        pages::table.select(pages::slug).order(pages::slug).load(conn)
    }

    /// The form that it is edited by.
    pub(crate) fn to_form(&self) -> FormFields {
        FormFields::from_iter([("title", &self.title), ("summary", &self.summary), ("body", &self.body)])
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        blocks(&self.body)
    }
}

/// What an administrator writes, and the rules.
#[derive(Clone, Deserialize, garde::Validate, AsChangeset)]
#[diesel(table_name = pages)]
pub(crate) struct NewText {
    #[garde(custom(is_written), custom(is_line), length(chars, max = 200))]
    title: String,
    #[garde(custom(is_written), custom(is_line), length(chars, max = 500))]
    summary: String,
    #[garde(custom(is_written), custom(is_plain), length(chars, max = MAX_BODY))]
    body: String,
}

/// In characters, each of which takes four bytes at most, of the 65,535 that MySQL's `TEXT` has.
const MAX_BODY: usize = 16_000;

impl NewText {
    /// Puts it in the place of what the page says; `NotFound` where there is none.
    pub(crate) fn replace(&self, conn: &mut Conn, slug: &str) -> QueryResult<()> {
        let today: String = DateTime::now().to_string().chars().take("2026-01-31".len()).collect();
        let change = (self, pages::updated_on.eq(today));
        let changed = diesel::update(pages::table.find(slug)).set(change).execute(conn)?;
        if changed == 0 { Err(NotFound) } else { Ok(()) }
    }
}

/// A part of a text. It is plain: the template escapes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block<'a> {
    /// Written with `# ` before it.
    Heading(&'a str),
    Paragraph(&'a str),
}

/// Browsers send lines that end in `\r\n`.
fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    let blocks = text.split("\n\n").flat_map(|part| part.split("\r\n\r\n"));
    blocks.map(str::trim).filter(|block| !block.is_empty()).map(|block| match block.strip_prefix("# ") {
        Some(heading) => Block::Heading(heading),
        None => Block::Paragraph(block),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_headings_and_paragraphs() {
        let text = "One\ntwo.\n\n\n\n# Three\n\n#four\n";
        let expected = [Block::Paragraph("One\ntwo."), Block::Heading("Three"), Block::Paragraph("#four")];
        assert_eq!(blocks(text).collect::<Vec<_>>(), expected);
        let sent = "One\r\n\r\n# Two\r\n\r\n\r\n\r\nThree";
        let expected = [Block::Paragraph("One"), Block::Heading("Two"), Block::Paragraph("Three")];
        assert_eq!(blocks(sent).collect::<Vec<_>>(), expected);
    }
}

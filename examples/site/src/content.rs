//! The pages of text that are kept in the database, such as `/about`.

use diesel::prelude::*;
use foobar::{Conn, QueryResult};

use crate::schema::pages;

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

    /// Of all pages.
    pub(crate) fn slugs(conn: &mut Conn) -> QueryResult<Vec<String>> {
        pages::table.select(pages::slug).order(pages::slug).load(conn)
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        blocks(&self.body)
    }
}

/// A part of a text. It is plain: the template escapes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block<'a> {
    /// Written with `# ` before it.
    Heading(&'a str),
    Paragraph(&'a str),
}

fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()).map(|block| match block.strip_prefix("# ") {
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
    }
}

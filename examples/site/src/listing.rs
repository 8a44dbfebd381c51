//! The list of products, searched and paged.

use diesel::{NotFound, prelude::*};
use foobar::{Conn, QueryResult};
use serde::{Deserialize, Serialize};

use crate::product::Product;
use crate::schema::products;

/// What a visitor asks of the list: the query string `?q=TEXT&page=NUMBER`.
#[derive(Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    q: String,
    /// A text, so that a page that is no number is a page that does not exist.
    page: Option<String>,
}

impl Search {
    /// The words to look for: without control characters, and no more than the search field lets in.
    fn words(&self) -> String {
        let q: String = self.q.chars().take(MAX_QUERY).map(|c| if c.is_control() { ' ' } else { c }).collect();
        q.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn page(&self) -> Option<i64> {
        self.page.as_deref().map_or(Some(1), |page| page.parse().ok()) // no number: no such page
    }
}

/// The length of a search, in characters.
pub(crate) const MAX_QUERY: usize = 100;
const PAGE_SIZE: i64 = 12;

/// One page of the products that match a search.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    /// What was searched for; empty for all products.
    pub(crate) q: String,
    /// The number of this page, from 1.
    pub(crate) page: i64,
    /// How many pages there are; at least one.
    pub(crate) pages: i64,
    /// How many products match.
    pub(crate) total: i64,
    pub(crate) products: Vec<Product>,
}

impl Listing {
    /// `NotFound` for a page that does not exist.
    pub(crate) fn find(conn: &mut Conn, search: &Search) -> QueryResult<Self> {
        let q = search.words();
        let total: i64 = matching(&q).count().get_result(conn)?;
        let pages = ((total + PAGE_SIZE - 1) / PAGE_SIZE).max(1);
        let page = search.page().filter(|page| (1..=pages).contains(page)).ok_or(NotFound)?;
        let products = matching(&q)
            .order((products::name, products::id))
            .limit(PAGE_SIZE)
            .offset((page - 1) * PAGE_SIZE)
            .select(Product::as_select())
            .load(conn)?;
        Ok(Self { q, page, pages, total, products })
    }
}

// Not the backslash: MySQL reads it as an escape within the literal already.
const ESCAPE: char = '!';

/// The products that have every one of these words in their name, category or summary.
fn matching(words: &str) -> products::BoxedQuery<'static, <Conn as Connection>::Backend> {
    words.split_whitespace().map(containing).fold(products::table.into_boxed(), |query, pattern| {
        query.filter(
            (products::name.like(pattern.clone()).escape(ESCAPE))
                .or(products::category.like(pattern.clone()).escape(ESCAPE))
                .or(products::summary.like(pattern).escape(ESCAPE)),
        )
    })
}

/// The LIKE pattern of a text that contains this word.
fn containing(word: &str) -> String {
    let mut pattern = String::from("%");
    for c in word.chars() {
        match c {
            '%' | '_' | ESCAPE => pattern.extend([ESCAPE, c]),
            c => pattern.push(c),
        }
    }
    pattern + "%"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(q: &str, page: Option<&str>) -> Search {
        Search { q: q.to_owned(), page: page.map(str::to_owned) }
    }

    #[test]
    fn the_wildcards_of_a_search_are_letters() {
        assert_eq!(containing("50%_off!"), "%50!%!_off!!%");
    }

    #[test]
    fn a_search_is_cleaned_of_what_cannot_be_typed() {
        assert_eq!(search(" oak\0\n  board ", None).words(), "oak board");
        assert_eq!(search(&"ä".repeat(5000), None).words().chars().count(), MAX_QUERY);
    }

    #[test]
    fn a_page_that_is_no_number_is_no_page() {
        assert_eq!(search("", None).page(), Some(1));
        assert_eq!(search("", Some("3")).page(), Some(3));
        for bad in ["", "abc", "1.5", "99999999999999999999"] {
            assert_eq!(search("", Some(bad)).page(), None, "{bad:?}");
        }
    }
}

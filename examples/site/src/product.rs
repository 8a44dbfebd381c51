//! The products.

use diesel::prelude::*;
use foobar::{Conn, QueryResult};
use serde::Serialize;

use crate::schema::products;

/// Something the company sells.
#[derive(Debug, Queryable, Selectable, Insertable, Serialize)]
pub(crate) struct Product {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) summary: String,
    /// Paragraphs, an empty line between two.
    pub(crate) description: String,
    /// The path of its picture on the site.
    pub(crate) picture: String,
    #[serde(rename = "price_eur_cents")]
    pub(crate) price_cents: i32,
    pub(crate) featured: bool,
}

impl Product {
    pub(crate) fn find(conn: &mut Conn, id: i32) -> QueryResult<Self> {
        products::table.find(id).select(Self::as_select()).first(conn)
    }

    pub(crate) fn featured(conn: &mut Conn) -> QueryResult<Vec<Self>> {
        products::table.filter(products::featured).order(products::id).select(Self::as_select()).load(conn)
    }

    /// A few others of the same category.
    pub(crate) fn related(&self, conn: &mut Conn) -> QueryResult<Vec<Self>> {
        products::table
            .filter(products::category.eq(&self.category).and(products::id.ne(self.id)))
            .order((products::name, products::id))
            .limit(4)
            .select(Self::as_select())
            .load(conn)
    }

    /// Of all products.
    pub(crate) fn ids(conn: &mut Conn) -> QueryResult<Vec<i32>> {
        products::table.select(products::id).order(products::id).load(conn)
    }

    /// One of five tones for the ground of its picture.
    pub(crate) fn tone(&self) -> i32 {
        (self.id % 5 + self.id / 5) % 5
    }

    /// The price as it is shown: `€34.00`.
    pub(crate) fn price(&self) -> String {
        euros(self.price_cents)
    }
}

/// The names of the categories, in alphabetical order.
pub(crate) fn categories(conn: &mut Conn) -> QueryResult<Vec<String>> {
    products::table.select(products::category).distinct().order(products::category).load(conn)
}

fn euros(cents: i32) -> String {
    format!("€{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_has_two_digits_of_cents() {
        assert_eq!(euros(3405), "€34.05");
        assert_eq!(euros(90), "€0.90");
    }
}

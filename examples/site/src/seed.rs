//! What a new database is filled with: 200 products and the pages of text.

mod range;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind::UniqueViolation, Error::DatabaseError};
use foobar::{Conn, QueryResult};

use crate::content::Page;
use crate::product::Product;
use crate::schema::{pages, products};
use range::{Finish, Kind, RANGE};

/// Fills an empty database; leaves one with products alone.
pub(crate) fn fill(conn: &mut Conn) -> QueryResult<()> {
    if products::table.count().get_result::<i64>(conn)? > 0 {
        return Ok(());
    }
    match insert(conn) {
        Err(DatabaseError(UniqueViolation, _)) => Ok(()), // another process started with this one and was first
        result => result,
    }
}

fn insert(conn: &mut Conn) -> QueryResult<()> {
    for product in products() {
        diesel::insert_into(products::table).values(product).execute(conn)?;
    }
    for page in texts() {
        diesel::insert_into(pages::table).values(page).execute(conn)?;
    }
    Ok(())
}

/// Every kind of thing in every finish it is made in.
fn products() -> impl Iterator<Item = Product> {
    let variants = RANGE.iter().flat_map(|kind| kind.finishes.iter().map(move |finish| (kind, finish)));
    (1..).zip(variants).map(|(id, (kind, finish))| product(id, kind, finish))
}

fn product(id: i32, kind: &Kind, finish: &Finish) -> Product {
    Product {
        id,
        name: format!("{} {}", finish.name, kind.name),
        picture: format!("/pictures/{}.svg", kind.name.replace(' ', "-")),
        category: kind.category.to_owned(),
        summary: kind.summary.to_owned(),
        description: format!("{}\n\n{}\n\n{PROMISE}", kind.details, finish.note),
        price_cents: price_cents(kind.cents, finish.percent),
        featured: id % 26 == 1, // one of each category
    }
}

/// The price of a kind in a finish: so many percent of the plain one, rounded to 50 cents.
const fn price_cents(cents: i32, percent: i32) -> i32 {
    (cents * percent / 100 + 25) / 50 * 50
}

const PROMISE: &str = "Guaranteed for ten years, and repaired by us for as long as you keep it.";

fn texts() -> impl Iterator<Item = Page> {
    TEXTS.into_iter().map(|(slug, title, summary, body)| Page {
        slug: slug.to_owned(),
        title: title.to_owned(),
        summary: summary.to_owned(),
        body: body.to_owned(),
        updated_on: "2026-11-20".to_owned(),
    })
}

/// Slug, title, summary and body.
const TEXTS: [(&str, &str, &str, &str); 4] = [
    (
        "about",
        "About Foobar",
        "Foobar is a small company that makes and sells plain, repairable things for house, desk and garden.",
        include_str!("seed/about.txt"),
    ),
    (
        "repairs",
        "Repairs",
        "What to do when something from Foobar breaks, what a repair costs and how long it takes.",
        include_str!("seed/repairs.txt"),
    ),
    (
        "delivery",
        "Delivery and returns",
        "How an order from Foobar travels, what delivery costs and how to send something back.",
        include_str!("seed/delivery.txt"),
    ),
    (
        "privacy",
        "Privacy",
        "This site sets a cookie only for whoever signs in or writes to us, and loads nothing from anyone else.",
        include_str!("seed/privacy.txt"),
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_range_is_two_hundred_products_of_different_names() {
        let products: Vec<_> = products().collect();
        assert_eq!(products.len(), 200);
        assert_eq!(products.iter().map(|product| &product.name).collect::<HashSet<_>>().len(), 200);
        assert_eq!(products.iter().filter(|product| product.featured).count(), 8);
        assert!(products.iter().all(|product| product.price_cents > 0));
    }

    #[test]
    fn prices_are_rounded_to_half_a_euro() {
        assert_eq!(price_cents(3400, 100), 3400);
        assert_eq!(price_cents(1250, 115), 1450);
    }
}

//! The products, for all the programs: `Conn` is the connection of each.

use diesel::prelude::*;
use serde::Serialize;

use crate::Conn;

diesel::table! {
    products (id) {
        id -> Integer,
        name -> Text,
        category -> Text,
        summary -> Text,
        price_cents -> Integer,
    }
}

diesel::table! {
    stock (id) {
        id -> Integer,
        pieces -> Integer,
    }
}

#[derive(Queryable, Selectable, Serialize)]
pub struct Product {
    id: i32,
    name: String,
    category: String,
    summary: String,
    price_cents: i32,
}

impl Product {
    pub fn find(conn: &mut Conn, id: i32) -> QueryResult<Self> {
        products::table.find(id).select(Self::as_select()).first(conn)
    }

    /// Those of one page, which begins after the product `after`.
    pub fn page(conn: &mut Conn, after: i32) -> QueryResult<Vec<Self>> {
        let beyond = products::table.filter(products::id.gt(after)).order(products::id);
        beyond.limit(20).select(Self::as_select()).load(conn)
    }

    fn price(&self) -> String {
        format!("{}.{:02}", self.price_cents / 100, self.price_cents % 100)
    }
}

#[derive(askama::Template)]
#[template(
    ext = "html",
    source = "<!doctype html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Products</title></head><body><table>
{% for product in products %}<tr><td>{{ product.id }}</td><td>{{ product.name }}</td><td>{{ product.category }}</td>\
<td>{{ product.summary }}</td><td>{{ product.price() }}</td></tr>
{% endfor %}</table></body></html>
"
)]
pub struct Page {
    pub products: Vec<Product>,
}

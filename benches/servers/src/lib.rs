//! What the three servers have in common: what they answer, and the fields that Foobar gives each answer.

mod fields;

use serde::{Deserialize, Serialize};

pub use fields::{FIELDS, REQUEST_ID, request_id};

pub const HELLO: &str = "Hello, World!\n";

/// What `/json` answers.
#[derive(Serialize)]
pub struct Tea {
    id: u32,
    name: &'static str,
    origin: &'static str,
    price: f64,
    tags: [&'static str; 3],
}

pub const TEA: Tea = Tea { id: 7, name: "Assam", origin: "India", price: 4.25, tags: ["black", "malty", "breakfast"] };

/// What is posted to `/order`.
#[derive(Deserialize)]
pub struct Order {
    name: String,
    street: String,
    city: String,
    country: String,
    email: String,
    tea: String,
    grams: u32,
    gift: bool,
    voucher: String,
    remark: String,
}

impl Order {
    /// Needs each field.
    pub fn confirmation(&self) -> String {
        let Self { name, street, city, country, email, tea, grams, gift, voucher, remark } = self;
        format!("{grams} g {tea} for {name}, {street}, {city}, {country} ({email}; {gift}, {voucher}, {remark})\n")
    }
}

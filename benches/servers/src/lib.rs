//! What the three servers have in common: what they answer, and the fields that Foobar gives each answer.

use serde::{Deserialize, Serialize};

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

/// The fields that the others have to give too, besides `x-request-id`.
pub const FIELDS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("server", "foobar"),
];

pub const REQUEST_ID: &str = "x-request-id";

/// 128 random bits.
pub fn request_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

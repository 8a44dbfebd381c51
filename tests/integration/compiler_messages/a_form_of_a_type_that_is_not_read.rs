//! A form of a type that serde and garde know nothing of.
//~ `Entry` cannot be read from a form or from JSON
//~ give it `#[derive(serde::Deserialize, garde::Validate)]`, and each field a rule or `#[garde(skip)]`
//~ required for `foobar::Form<Entry>` to implement `FromRequest`
use foobar::{Form, web};

struct Entry;

async fn sign(_form: Form<Entry>) -> &'static str {
    "signed"
}

fn main() {
    let _route = web::post().to(sign);
}

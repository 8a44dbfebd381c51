//! A form of a type that serde reads and that has no rules.
//~ `Entry` cannot be read from a form or from JSON
//~ give it `#[derive(serde::Deserialize, garde::Validate)]`, and each field a rule or `#[garde(skip)]`
use foobar::{Form, web};

struct Entry;

impl<'de> foobar::section::Deserialize<'de> for Entry {
    fn deserialize<D: foobar::section::serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

async fn sign(_form: Form<Entry>) -> &'static str {
    "signed"
}

fn main() {
    let _route = web::post().to(sign);
}

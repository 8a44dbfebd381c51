//! A body of JSON of a type that serde and garde know nothing of.
//~ `Entry` cannot be read from a form or from JSON
//~ JSON without rules is read by `foobar::web::Json`
//~ required for `foobar::Json<Entry>` to implement `FromRequest`
use foobar::{Json, web};

struct Entry;

async fn sign(_entry: Json<Entry>) -> &'static str {
    "signed"
}

fn main() {
    let _route = web::post().to(sign);
}

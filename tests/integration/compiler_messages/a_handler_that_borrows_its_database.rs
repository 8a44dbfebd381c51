//! A handler that takes `&Db` in the place of `Db`.
//~ the trait `FromRequest` is implemented for `Db<C>`
//~ required by a bound in `Route::to`
use foobar::{Db, actix_web::web};

async fn home(_db: &Db) -> &'static str {
    "home"
}

fn main() {
    let _route = web::get().to(home);
}

//! A handler that takes a number, which is a part of the path.
//~ the trait bound `i32: FromRequest` is not satisfied
//~ required for `(i32,)` to implement `FromRequest`
//~ required by a bound in `Route::to`
use foobar::web;

async fn product(_id: i32) -> &'static str {
    "a product"
}

fn main() {
    let _route = web::get().to(product);
}

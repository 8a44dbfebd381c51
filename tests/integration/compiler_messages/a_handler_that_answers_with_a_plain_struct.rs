//! A handler that returns a value which is no answer, where `web::Json` of it is one.
//~ the trait bound `Product: Responder` is not satisfied
//~ the trait `Responder` is not implemented for `Product`
//~ required by a bound in `Route::to`
use foobar::web;

struct Product;

async fn product() -> Product {
    Product
}

fn main() {
    let _route = web::get().to(product);
}

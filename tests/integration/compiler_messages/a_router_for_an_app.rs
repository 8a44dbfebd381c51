//! A service of tower where an application is wanted.
//~ `Router` is not an application
//~ an axum router, or another `tower::Service`, goes to `Server::service`
struct Router;

fn main() {
    let _server = foobar::Server::new().app(Router);
}

//! A function where an application is wanted.
//~ is not an application
//~ a function makes one too: `foobar::routes(|routes| { routes.route(
fn main() {
    let _server = foobar::Server::new().app(|routes: &mut foobar::actix_web::web::ServiceConfig| drop(routes));
}

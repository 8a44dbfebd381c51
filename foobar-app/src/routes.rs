use actix_web::web::ServiceConfig;

use crate::App;

/// An [`App`] made from a function that declares routes, for an application without state, migrations or a start of its
/// own.
///
/// ```
/// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
/// use foobar::web;
///
/// let app = foobar::routes(|routes| {
///     routes.route("/", web::get().to(async || "Hello!"));
/// });
/// # let _app: Box<dyn std::any::Any> = Box::new(app);
/// ```
pub fn routes<F: Fn(&mut ServiceConfig) + Send + Sync + 'static>(routes: F) -> Routes<F> {
    Routes(routes)
}

/// An application that [`routes`] has made.
pub struct Routes<F>(F);

impl<F: Fn(&mut ServiceConfig) + Send + Sync + 'static> App for Routes<F> {
    fn routes(&self, routes: &mut ServiceConfig) {
        self.0(routes);
    }
}

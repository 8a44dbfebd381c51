use actix_web::web::ServiceConfig;

use crate::App;

/// An [`App`] of a function that declares routes, for an application without state, migrations and start of its own.
///
/// ```
/// use foobar_app::actix_web::web;
///
/// let app = foobar_app::routes(|routes| {
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

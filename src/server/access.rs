//! Who may ask for what: files that the application alone sends, and routes that pages of other sites use.

use std::path::PathBuf;

use foobar_core::config::key;

use super::Server;

impl Server {
    /// Makes the files of a folder private: clients cannot request them under `route`; a handler sends one with
    /// [`send_file`](crate::send_file()).
    ///
    /// ```
    /// use foobar::actix_web::Responder;
    /// use foobar::{Server, web};
    ///
    /// async fn invoice(number: web::Path<u32>) -> impl Responder {
    ///     // … may this client see it? …
    ///     foobar::send_file("/invoices/", format!("{number}.pdf"))
    /// }
    ///
    /// let app = foobar::routes(|routes| _ = routes.route("/invoice/{number}", web::get().to(invoice)));
    /// let server = Server::new().app(app).private("/invoices/", "/srv/invoices");
    /// ```
    ///
    /// An application that also writes the files gets the folder from
    /// [`context.private_folder("/invoices/")`](crate::Context::private_folder).
    ///
    /// It is a preset of the route in each site, `files = "/srv/invoices"` with `internal = true`, which the
    /// configuration can override, with the same folder in all sites. A path is relative to the working folder of the
    /// process. If the folder does not exist, or is in one that clients are served from, the server does not start.
    pub fn private(mut self, route: &str, folder: impl Into<PathBuf>) -> Self {
        let key = |name| format!("sites.*.{}", key(&["routes", route, name]));
        // One that is not UTF-8 is not there under the name that the error then shows.
        let folder = folder.into().to_string_lossy().into_owned();
        self.parts.declared.private.push(route.to_owned());
        self.preset(&key("files"), folder).preset(&key("internal"), "true")
    }

    /// Lets a route take requests that change something also from pages of other sites, and from programs that have
    /// cookies, and lets pages of other sites open a WebSocket there; `path` is a pattern as
    /// [routes](crate::App::routes) have it, such as `/hooks/{name}`.
    ///
    /// Everywhere else such a request gets 403, so that no other site can make a visitor's browser do something in the
    /// visitor's name (CSRF). A program without cookies needs nothing of this. The route has to find out by itself who asks,
    /// by a signature or a token, and must not rely on a cookie. `routes` lists it.
    ///
    /// ```
    /// use foobar::{Server, web};
    ///
    /// async fn paid() -> &'static str {
    ///     "thank you" // … after a look at the signature
    /// }
    ///
    /// let app = foobar::routes(|routes| _ = routes.route("/hooks/paid", web::post().to(paid)));
    /// let server = Server::new().app(app).cross_site("/hooks/paid");
    /// ```
    pub fn cross_site(mut self, path: &str) -> Self {
        self.parts.cross_site.push(path.to_owned());
        self
    }
}

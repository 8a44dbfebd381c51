use actix_web::web::ServiceConfig;
use foobar_core::{BoxError, BoxFuture};
use foobar_db::{Db, Migrations};

/// Your application. One method is required: [`routes`](App::routes).
///
/// ```
/// use foobar_app::App;
/// use foobar_app::actix_web::web::{self, ServiceConfig};
///
/// struct Hello;
///
/// impl App for Hello {
///     fn routes(&self, routes: &mut ServiceConfig) {
///         routes.route("/", web::get().to(async || "Hello!"));
///     }
/// }
/// ```
///
/// `self` is the state of the application: put what handlers share into it (behind an `Arc` where it is not cheap to
/// clone) and hand it to them with `routes.app_data(web::Data::from(..))`.
///
/// # In a handler
///
/// Everything that actix-web offers: extractors, streams, `actix_web::rt::spawn`, WebSockets with `actix-ws`.
/// Besides:
///
/// - The database is `web::Data<foobar_db::Db>`, where the server has one.
/// - The request's id is `request.extensions().get::<foobar_core::RequestId>()`.
/// - Return `Result<_, foobar_app::Error>` and use `?` on any error; see [`Error`](crate::Error).
/// - Do not block: queries run on the database's threads by themselves, other slow work belongs into `web::block`.
///
/// The limit of a request's body is the web tier's (`client_max_body_size`, by site and route). The limits that
/// actix-web's extractors would add (2 MiB for JSON, 16 KiB for forms, 256 KiB for text and bytes) are lifted; an
/// application that wants lower ones sets its own `JsonConfig`, `FormConfig` or `PayloadConfig`.
pub trait App: Send + Sync + 'static {
    /// Declares the routes; called once on each worker thread, perhaps before [`start`](App::start) has ended.
    ///
    /// actix-web's attribute macros (`#[get("/")]`, then `routes.service(..)`) name the crate `actix_web`, so your
    /// `Cargo.toml` needs it; without its default features, which bring an HTTP/2 of its own that the web tier has no
    /// use for:
    ///
    /// ```toml
    /// actix-web = { version = "4", default-features = false, features = ["macros"] }
    /// ```
    ///
    /// Middleware goes around a scope: `routes.service(web::scope("").wrap(..).route(..))`.
    /// A page of your own for what no route matches: `routes.default_service(web::to(..))`; then declare routes as
    /// `routes.service(web::resource(path).get(handler))`, so that another method gets 405 and not that page.
    fn routes(&self, routes: &mut ServiceConfig);

    /// The migrations of the database, run at the server's start before [`start`](App::start).
    ///
    /// The default is none. Embed them in a constant, and give them from there:
    ///
    /// ```ignore
    /// const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
    ///
    /// fn migrations(&self) -> Migrations {
    ///     Migrations::new(MIGRATIONS)
    /// }
    /// ```
    fn migrations(&self) -> Migrations {
        Migrations::none()
    }

    /// Prepares what handlers need, after the migrations and before the first request: seed data, caches.
    ///
    /// It may take as long as `app.start_timeout` says; each query of it, as always, as long as `database.query_timeout`.
    /// It runs on a thread of its own and may block; what it spawns lives on the server's runtime, and may not.
    ///
    /// An error, a panic or a start that takes too long ends the server with its reason. An error that has among its
    /// causes a [`foobar_db::Error`] that [may pass](foobar_db::Error::may_pass) does not: the database is down,
    /// read-only or has ended a query at its deadline, and both migrations and `start` are tried again later. So `start`
    /// has to find out what an attempt before it has done already. The default does nothing.
    fn start<'a>(&'a self, db: Option<&'a Db>) -> BoxFuture<'a, Result<(), BoxError>> {
        let _unused = db;
        Box::pin(async { Ok(()) })
    }
}

use actix_web::web::ServiceConfig;
use foobar_core::BoxError;
use foobar_db::Migrations;

#[cfg(feature = "accounts")]
use crate::{AccountOptions, Accounts};
use crate::{Context, Sessions};

/// Your application. One method is required: [`routes`](App::routes). An application that is nothing but its routes
/// needs no type of its own: [`routes`](crate::routes()) makes one of a function.
///
/// ```
/// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
/// use foobar::{App, web};
///
/// struct Hello;
///
/// impl App for Hello {
///     fn routes(&self, routes: &mut web::ServiceConfig) {
///         routes.route("/", web::get().to(async || "Hello!"));
///     }
/// }
/// ```
///
/// `self` is the state of the application: put what handlers share into it (behind an `Arc` where it is not cheap to
/// clone) and hand it to them with `routes.app_data(web::Data::from(..))`. It owns what it has, and borrows nothing. With a
/// database, and with something to do at the start:
///
/// ```
/// # mod foobar {
/// #     pub use foobar_app::{*, actix_web::web};
/// #     pub use {foobar_core::BoxError, foobar_db::{Migrations, diesel, embed_migrations}};
/// # }
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
///
/// use foobar::diesel::prelude::*;
/// use foobar::{App, BoxError, Context, Db, Error, Migrations, embed_migrations, web};
///
/// diesel::table! { products (id) { id -> Integer, name -> Text } }
///
/// #[derive(Default)]
/// struct Shop {
///     visits: Arc<AtomicU64>,
/// }
///
/// async fn home(db: Db, visits: web::Data<AtomicU64>) -> Result<String, Error> {
///     let count: i64 = db.read(|conn| products::table.count().get_result(conn)).await?;
///     Ok(format!("{count} products, seen by {}\n", visits.fetch_add(1, Relaxed) + 1))
/// }
///
/// async fn product(db: Db, id: web::Path<i32>) -> Result<String, Error> {
///     // No such row is a 404 by itself.
///     Ok(db.read(move |conn| products::table.find(*id).select(products::name).first(conn)).await?)
/// }
///
/// impl App for Shop {
///     fn routes(&self, routes: &mut web::ServiceConfig) {
///         routes
///             .app_data(web::Data::from(Arc::clone(&self.visits)))
///             .route("/", web::get().to(home))
///             .route("/products/{id}", web::get().to(product));
///     }
///
///     fn migrations(&self) -> Migrations {
///         Migrations::none()
///             .sqlite(embed_migrations!("../examples/site/migrations/sqlite"))
///             .mysql(embed_migrations!("../examples/site/migrations/mysql"))
///     }
///
///     async fn start(&self, context: &Context) -> Result<(), BoxError> {
///         let count: i64 = context.db()?.read(|conn| products::table.count().get_result(conn)).await?;
///         self.visits.store(count.unsigned_abs(), Relaxed);
///         Ok(()) // an error here stops the server
///     }
/// }
/// #
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// #     let db = foobar_db::testing::TestDb::sqlite().await;
/// #     let client = foobar_app::testing::Client::new(Shop::default(), Some((*db).clone().into())).await;
/// #     assert_eq!(client.get("/").await.text(), "0 products, seen by 1\n");
/// #     assert_eq!(client.get("/products/7").await.status(), 404);
/// # }
/// ```
///
/// # In a handler
///
/// Everything that actix-web offers: extractors, streams, `actix_web::rt::spawn`, WebSockets with `actix-ws`.
/// Besides:
///
/// - The database is an argument `db: Db`, see [`Db`](crate::Db); work that outlives the request and notice of a stop
///   come with an argument `context: Context`, see [`Context`].
/// - The request's id is `request.extensions().get::<foobar::request::RequestId>()`.
/// - Return `Result<_, foobar::Error>` and use `?` on any error; see [`Error`](crate::Error).
/// - Do not block: queries run on the database's threads by themselves, other slow work belongs in `web::block`.
///
/// # When the client goes
///
/// A client may disconnect before it is answered: it closes its connection, loses it, or resets its HTTP/2 stream. Then
///
/// - a handler of `GET` or `HEAD`, which changes nothing, is cancelled: it is dropped where it waits, at an `.await`.
///   Any query that it has begun still ends on the database's threads.
/// - a handler of any other method runs to its end, within `app.request_timeout`; its answer is dropped, and the access
///   log has its status. Until then it counts as before, and a stop waits for it. That of a reset stream counts against
///   `web.http2_max_concurrent_streams` of its connection, and the connection against `web.worker_connections` and
///   `web.connections_per_address`; a site has no limit of its own.
///
/// [`run_to_end`](crate::run_to_end) and [`cancel_with_client`](crate::cancel_with_client) decide otherwise for a
/// route, a resource or a scope. This does not apply to the body of an answer: a stream is dropped as soon as its
/// client has gone. What is to outlive every request is given to [`Context::spawn`](crate::Context::spawn); what
/// `actix_web::rt::spawn` has begun ends with its worker thread.
///
/// A client that has only closed its sending side still gets its answer, except for a stream to an HTTP/1.0 client,
/// which ends with the connection: after half a second without a piece such a client counts as gone.
///
/// # When the server stops
///
/// Requests under way are finished until `server.shutdown_timeout`. An answer without an end ends by
/// [`Stopping`](crate::Stopping), as those of [`sse`](crate::sse()) do by themselves, or is ended after
/// `server.stream_timeout`.
///
/// The limit of a request's body is the web tier's (`client_max_body_size`, by site and route). The limits that
/// actix-web's extractors would add (2 MiB for JSON, 16 KiB for forms, 256 KiB for text and bytes) are lifted; an
/// application that wants lower ones sets its own `JsonConfig`, `FormConfig` or `PayloadConfig`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an application",
    label = "not an `App`",
    note = "implement `foobar::App` for a type of your own; its method `routes` is enough",
    note = "a function makes one too: `foobar::routes(|routes| {{ routes.route(\"/\", web::get().to(home)); }})`",
    note = "an axum router, or another `tower::Service`, goes to `Server::service`"
)]
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
    /// The default is none. A folder for each engine is embedded into the program:
    ///
    /// ```
    /// # mod foobar { pub use foobar_app::{*, actix_web::web}; pub use foobar_db::{Migrations, embed_migrations}; }
    /// use foobar::{App, Migrations, embed_migrations, web};
    ///
    /// struct Shop;
    ///
    /// impl App for Shop {
    ///     fn routes(&self, _: &mut web::ServiceConfig) {}
    ///
    ///     fn migrations(&self) -> Migrations {
    ///         Migrations::none()
    ///             .sqlite(embed_migrations!("../examples/site/migrations/sqlite"))
    ///             .mysql(embed_migrations!("../examples/site/migrations/mysql"))
    ///     }
    /// }
    /// ```
    fn migrations(&self) -> Migrations {
        Migrations::none()
    }

    /// Where the [`Session`](crate::Session)s of visitors are kept. The default is nowhere: no handler has any.
    ///
    /// ```
    /// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
    /// use foobar::{App, Sessions, web};
    ///
    /// struct Shop;
    ///
    /// impl App for Shop {
    ///     fn routes(&self, _: &mut web::ServiceConfig) {}
    ///
    ///     fn sessions(&self) -> Sessions {
    ///         Sessions::in_database()
    ///     }
    /// }
    /// ```
    ///
    /// In the database they have a table of Foobar's own, which is migrated before the application's.
    fn sessions(&self) -> Sessions {
        Sessions::none()
    }

    /// Whether the application has accounts, and how: then a handler takes [`Accounts`](crate::Accounts) and
    /// [`User`](crate::User), and Foobar's tables for them are migrated before the application's. They need
    /// [`sessions`](Self::sessions), best in the database. The default is none.
    #[cfg(feature = "accounts")]
    fn accounts(&self) -> Option<AccountOptions> {
        None
    }

    /// Prepares what handlers need, after the migrations and before the first request: seed data, caches, work that
    /// goes on beside the requests ([`Context::spawn`]).
    ///
    /// ```
    /// # mod foobar { pub use {foobar_app::{*, actix_web::web}, foobar_core::BoxError, foobar_db::{Conn, QueryResult}}; }
    /// use foobar::{App, BoxError, Context, web};
    /// # use foobar::{Conn, QueryResult};
    /// # fn seed(_: &mut Conn) -> QueryResult<()> { Ok(()) }
    ///
    /// struct Shop;
    ///
    /// impl App for Shop {
    ///     fn routes(&self, _routes: &mut web::ServiceConfig) {}
    ///
    ///     async fn start(&self, context: &Context) -> Result<(), BoxError> {
    ///         context.db()?.write(seed).await?;
    ///         Ok(())
    ///     }
    /// }
    /// ```
    ///
    /// A query runs on a thread of the database, so its closure borrows nothing of `self`; the compiler says "borrowed data
    /// escapes outside of method". Clone what the query needs before the closure, and let it `move`:
    ///
    /// ```
    /// # mod foobar { pub use {foobar_app::{*, actix_web::web}, foobar_core::BoxError, foobar_db::diesel}; }
    /// use foobar::diesel::{RunQueryDsl, sql_query};
    /// use foobar::{App, BoxError, Context, web};
    ///
    /// struct Shop {
    ///     seed: String,
    /// }
    ///
    /// impl App for Shop {
    ///     fn routes(&self, _routes: &mut web::ServiceConfig) {}
    ///
    ///     async fn start(&self, context: &Context) -> Result<(), BoxError> {
    ///         let seed = self.seed.clone();
    ///         context.db()?.write(move |conn| sql_query(&seed).execute(conn)).await?;
    ///         Ok(())
    ///     }
    /// }
    /// ```
    ///
    /// It may take as long as `app.start_timeout` says; each query of it, as always, as long as
    /// `database.query_timeout`. It runs on a thread of its own and may block; what it spawns lives on the server's
    /// runtime, and may not.
    ///
    /// An error, a panic or a start that takes too long ends the server with its reason. An error that has among its
    /// causes a [`DbError`](foobar_db::Error) that [may pass](foobar_db::Error::may_pass) does not: the database is
    /// down, read-only or has ended a query at its deadline, and both migrations and `start` are tried again later. So
    /// `start` has to find out what an attempt before it has done already, and spawns work last. The default does
    /// nothing.
    fn start(&self, context: &Context) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _unused = context;
        async { Ok(()) }
    }

    /// Whether a name that no site has may have a certificate: the domain of a customer of yours, who has it lead here.
    ///
    /// Where the default site has `ssl_on_demand = true`, the server asks this when a client of TLS wants such a name: once,
    /// and again before each renewal. It is in lower case, such as `shop.example.com`. If it may, a certificate is ordered;
    /// until it is there, TLS clients of that name are refused. With `false` there is none, and the next hour is spared the
    /// question. An error is no answer, and is logged; the question is put again after a minute. So is one that takes more
    /// than ten seconds. It must not block.
    ///
    /// ```
    /// # mod foobar { pub use {foobar_app::{*, actix_web::web}, foobar_core::BoxError}; }
    /// use std::collections::HashSet;
    ///
    /// use foobar::{App, BoxError, Context, web};
    ///
    /// struct Shops {
    ///     domains: HashSet<String>,
    /// }
    ///
    /// impl App for Shops {
    ///     fn routes(&self, _routes: &mut web::ServiceConfig) {}
    ///
    ///     async fn allows_certificate(&self, _context: &Context, name: &str) -> Result<bool, BoxError> {
    ///         Ok(self.domains.contains(name))
    ///     }
    /// }
    /// ```
    ///
    /// The default allows none. Never allow all: anybody can let a name lead here, and authorities sign a limited number.
    fn allows_certificate(&self, context: &Context, name: &str) -> impl Future<Output = Result<bool, BoxError>> + Send {
        let _unused = (context, name);
        async { Ok(false) }
    }

    /// The server has reloaded its configuration: `context` has the settings that it read, and what handlers take from now
    /// on is theirs. Here an application changes what it has made of the settings before, such as a client of another
    /// service; what is read where it is needed ([`Settings`](crate::Settings)) has changed by itself.
    ///
    /// ```
    /// # mod foobar { pub use {foobar_app::{*, actix_web::web}, foobar_core::BoxError}; }
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use foobar::{App, BoxError, Context, web};
    ///
    /// struct Guestbook {
    ///     per_page: u32,
    /// }
    ///
    /// #[derive(Default)]
    /// struct Site {
    ///     per_page: AtomicU32,
    /// }
    ///
    /// impl App for Site {
    ///     fn routes(&self, _routes: &mut web::ServiceConfig) {}
    ///
    ///     async fn reloaded(&self, context: &Context) -> Result<(), BoxError> {
    ///         self.per_page.store(context.settings::<Guestbook>()?.per_page, Ordering::Relaxed);
    ///         Ok(())
    ///     }
    /// }
    /// ```
    ///
    /// It comes after everything else has changed, if `start` has succeeded, and runs on a thread of its own. An error and a
    /// panic are logged and told to whoever has asked for the reload; they take nothing back. So is one that has not returned
    /// within 5 s: it is dropped where it waits, and a stop does not wait for it. One that blocks its thread goes on; once it
    /// returns, it is called again with the newest configuration if there has been another reload. The default does
    /// nothing.
    fn reloaded(&self, context: &Context) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _unused = context;
        async { Ok(()) }
    }

    /// Puts away what [`start`](App::start) has prepared: flushes a buffer, says goodbye to another service.
    ///
    /// It comes after the last request, where `start` has succeeded, and runs on a thread of its own; work that was
    /// [spawned](Context::spawn) may still run, and is waited for afterwards. The database is still there. It may take
    /// until `server.shutdown_timeout`, where what is left of it is dropped, with exit code 3. An error and a panic are
    /// logged. The default does nothing.
    fn stop(&self, context: &Context) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _unused = context;
        async { Ok(()) }
    }
}

/// The migrations of `app` with those of the parts of Foobar that it uses.
pub fn migrations_of(app: &impl App) -> Migrations {
    let migrations = app.sessions().migrations().into_iter().fold(app.migrations(), Migrations::after);
    #[cfg(feature = "accounts")]
    let migrations = app.accounts().iter().fold(migrations, |all, _| all.after(Accounts::migrations()));
    migrations
}

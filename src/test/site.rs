use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use foobar_app::Db;
#[cfg(feature = "accounts")]
use foobar_app::User;
use foobar_app::testing::{self, TestDb, Transport};
use foobar_core::config::Config;
use foobar_core::{Body, BoxFuture, Chain, Request, SendStream};
#[cfg(feature = "sqlite")]
use foobar_db::DatabaseSettings;
use foobar_web::{InProcess, WebTier};
use tokio::runtime::Handle;

use crate::composition::{Composition, Parts};
use crate::reload::ReadConfig;
use crate::settings::{self, ServerSettings};
use crate::{Running, Server, StartError, Stop};

/// A whole server in process; a [`TestClient`](foobar_app::testing::Client) otherwise. Dropping it ends its threads.
pub struct Site {
    client: testing::Client,
    running: Running,
    database: Option<Db>,
    /// It lives as long as the server.
    _test: Option<TestDb>,
}

/// Runs `server` in process, as its code and its configuration say: requests go through its hosts, routes, static
/// files, error pages and limits to its application.
///
/// If the server has a database, it is a fresh one on SQLite, whatever `database.url` says, unless [`Server::database`]
/// gives one. Nothing listens: `web.listen` and `admin.listen` have no effect, and neither do the access log, a [web
/// tier of its own](Server::web_tier) and what belongs to connections, such as their deadlines. As with
/// [`Server::start`], arguments and environment are not read.
///
/// Dropping the future of a request, or an answer before its end, has the effect of a client that disconnects; a
/// [stop](Site::stop) ends streams as it does on sockets (`server.stream_timeout`).
///
/// ```
/// use foobar::actix_web::HttpResponse;
/// use foobar::{Server, web};
///
/// /// Lets the web tier send a file that no route shows.
/// async fn report() -> HttpResponse {
///     HttpResponse::Ok().insert_header(("x-accel-redirect", "/private/report.txt")).finish()
/// }
///
/// fn server(folder: &str) -> Server {
///     let app = foobar::routes(|routes| _ = routes.route("/report", web::get().to(report)));
///     Server::new()
///         .app(app)
///         .set("sites.default.root", folder)
///         .set("sites.default.routes.\"/private\".files", folder)
///         .set("sites.default.routes.\"/private\".internal", "true")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("report.txt"), "All is well.")?;
/// std::fs::write(folder.path().join("robots.txt"), "User-agent: *")?;
///
/// let site = foobar::test::site(server(folder.path().to_str().expect("a name in UTF-8"))).await;
/// assert_eq!(site.get("/robots.txt").await.text(), "User-agent: *");
/// assert_eq!(site.get("/report").await.text(), "All is well.");
/// assert_eq!(site.get("/private/report.txt").await.status(), 404);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// If the server does not start; the panic says why.
#[cfg(feature = "sqlite")]
pub async fn site(server: Server) -> Site {
    let plan = or_panic(Plan::of(server));
    let database = if plan.needs_database() { Some(TestDb::sqlite().await) } else { None };
    or_panic(plan.start(database).await)
}

/// Like [`site`], on a database of your choice, such as `TestDb::mysql().await`.
///
/// # Panics
///
/// If the server does not start; the panic says why.
pub async fn site_on(database: TestDb, server: Server) -> Site {
    or_panic(or_panic(Plan::of(server)).start(Some(database)).await)
}

fn or_panic<T>(outcome: Result<T, StartError>) -> T {
    outcome.unwrap_or_else(|error| panic!("the server does not start: {}", Chain(&error)))
}

impl Site {
    /// The database.
    ///
    /// # Panics
    ///
    /// If the server has none.
    pub fn database(&self) -> &Db {
        self.database.as_ref().expect("the server has a database: `database.url`, migrations, or `Server::database`")
    }

    /// Stops the server as a signal does: what is in flight is finished, then [`App::stop`](crate::App::stop) runs.
    pub async fn stop(self) -> Stop {
        self.running.stop().await
    }
}

#[cfg(feature = "accounts")]
impl Site {
    /// Signs this client in as the user of this address with these roles, whose account is made if there is none; see
    /// [`TestClient::sign_in`](testing::Client::sign_in).
    pub async fn sign_in(&self, address: &str, roles: &[&str]) -> User {
        self.client.sign_in(self.database(), address, roles).await
    }
}

impl Deref for Site {
    type Target = testing::Client;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}

/// A server that has its settings.
struct Plan {
    config: Config,
    read: ReadConfig,
    parts: Parts,
}

impl Plan {
    fn of(server: Server) -> Result<Self, StartError> {
        let (mut loader, parts) = server.into_parts();
        for (key, value) in SURROUNDINGS {
            loader = loader.set(key, value, "foobar::test::site");
        }
        let read: ReadConfig = Box::new(move || Ok(settings::load(loader.clone())?));
        Ok(Self { config: read()?, read, parts })
    }

    /// Whether it would open one.
    #[cfg(feature = "sqlite")]
    fn needs_database(&self) -> bool {
        let url = |config: &Config| config.section::<DatabaseSettings>().map(|database| database.url);
        self.parts.database.is_none() && url(&self.config).is_ok_and(|url| url.is_some()) // what is wrong is told at the start
    }

    async fn start(mut self, test: Option<TestDb>) -> Result<Site, StartError> {
        let tier = Arc::new(OnceLock::new());
        let made = Arc::clone(&tier);
        let stream_time = *self.config.section::<ServerSettings>()?.stream_timeout;
        self.parts.web = Some(Box::new(move |settings, sites, files, app| {
            let web = Arc::new(InProcess::with_files(settings, sites, files, app)?.stream_timeout(stream_time));
            Ok(Arc::clone(made.get_or_init(|| web)) as Arc<dyn WebTier>)
        }));
        self.parts.database = test.as_ref().map(|test| (**test).clone()).or(self.parts.database);
        let composition = Composition::compile(self.config, self.parts)?;
        let database = composition.database.clone();
        let running = composition.start(Handle::current(), self.read).await?;
        let tier = Arc::clone(tier.get().expect("it is made with the composition"));
        let client = testing::Client::through(Arc::new(ToWebTier(tier)));
        Ok(Site { client, running, database, _test: test })
    }
}

/// What a test has nothing around it for.
const SURROUNDINGS: [(&str, &str); 3] =
    [("admin.listen", "off"), ("web.access_log", "off"), ("server.shutdown_delay", "0")];

/// The way to a server's web tier.
struct ToWebTier(Arc<InProcess>);

impl Transport for ToWebTier {
    fn send(&self, request: Request) -> BoxFuture<'_, http::Response<Body<SendStream>>> {
        Box::pin(self.0.call(request))
    }
}

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::{Ready, ready};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::dev::{Payload, ResourceDef};
use actix_web::{FromRequest, HttpRequest};
use foobar_core::Tier;

use crate::tasks::Tasks;
#[cfg(feature = "accounts")]
use crate::{AccountOptions, Accounts, NoAccounts};
use crate::{Db, Error, SessionSettings, Settings, Stopping, UndeclaredFolder, UndeclaredSettings};

/// What an application is given: its database, its settings, a place for work that outlives a request, and notice of a
/// stop.
///
/// [`App::start`](crate::App::start) and [`App::stop`](crate::App::stop) get it, and a handler takes it as an argument.
/// It is cheap to clone.
///
/// ```
/// # use foobar_app as foobar;
/// use foobar::actix_web::Responder;
/// use foobar::{Context, Db, Error};
///
/// async fn order(db: Db, context: Context) -> Result<impl Responder, Error> {
///     // … db.write(..) …
///     context.spawn(async { /* tell the warehouse, also if the client has gone meanwhile */ });
///     Ok("ordered")
/// }
/// ```
#[derive(Clone)]
pub struct Context {
    db: Option<Db>,
    tasks: Arc<Tasks>,
    settings: Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    private: Arc<HashMap<String, PathBuf>>,
    cross_site: Arc<Vec<ResourceDef>>,
    #[cfg(feature = "accounts")]
    accounts: Option<Accounts>,
}

impl Context {
    /// The context of an application with this database. A server makes its own.
    pub fn new(db: Option<Db>) -> Self {
        Self {
            db,
            tasks: Arc::new(Tasks::new()),
            settings: Arc::default(),
            private: Arc::default(),
            cross_site: Arc::default(),
            #[cfg(feature = "accounts")]
            accounts: None,
        }
    }

    /// The same context with these settings, in place of any others of their type.
    #[must_use]
    pub fn with_settings<T: Send + Sync + 'static>(mut self, settings: T) -> Self {
        Arc::make_mut(&mut self.settings).insert(TypeId::of::<T>(), Arc::new(settings));
        self
    }

    /// Settings of the program's own, declared by `Server::settings`; a handler takes them as [`Settings`].
    ///
    /// Where nobody has declared them, the error says how: return it by `?`.
    pub fn settings<T: Send + Sync + 'static>(&self) -> Result<Settings<T>, UndeclaredSettings> {
        let settings = self.settings.get(&TypeId::of::<T>()).cloned().and_then(|settings| settings.downcast().ok());
        settings.map(Settings::new).ok_or_else(UndeclaredSettings::of::<T>) // each has its own type
    }

    /// How sessions are kept, which a server tells.
    pub(crate) fn session_settings(&self) -> SessionSettings {
        let settings = self.settings::<SessionSettings>();
        settings.map_or_else(|_none| SessionSettings::default(), |settings| (*settings).clone())
    }

    /// The same context with the folder of a private route, as `Server::private` declares it.
    #[must_use]
    pub fn with_private_folder(mut self, route: &str, folder: impl Into<PathBuf>) -> Self {
        Arc::make_mut(&mut self.private).insert(without_slash(route).to_owned(), folder.into());
        self
    }

    /// The folder of a private route, declared by `Server::private`, as the configuration has it: where the application
    /// writes the files that [`send_file`](crate::send_file()) sends.
    ///
    /// ```
    /// # use foobar_app as foobar;
    /// use foobar::{Context, Error};
    ///
    /// async fn store(context: Context, invoice: Vec<u8>) -> Result<(), Error> {
    ///     let path = context.private_folder("/invoices/")?.join("17.pdf");
    ///     Ok(foobar::actix_web::web::block(move || std::fs::write(path, invoice)).await??)
    /// }
    /// ```
    ///
    /// Where nobody has declared the route, the error says how: return it by `?`.
    pub fn private_folder(&self, route: &str) -> Result<&Path, UndeclaredFolder> {
        let folder = self.private.get(without_slash(route)).map(PathBuf::as_path);
        folder.ok_or_else(|| UndeclaredFolder::of(route))
    }

    /// The same context with a route that takes requests of other sites, as `Server::cross_site` declares it.
    #[must_use]
    pub fn with_cross_site(mut self, path: &str) -> Self {
        Arc::make_mut(&mut self.cross_site).push(ResourceDef::new(path));
        self
    }

    /// The routes that take requests of other sites.
    pub(crate) fn cross_site(&self) -> Arc<Vec<ResourceDef>> {
        Arc::clone(&self.cross_site)
    }

    /// The same context with these accounts, where there is a database; and whether sessions are its rows too.
    #[cfg(feature = "accounts")]
    pub(crate) fn with_accounts(self, options: Option<AccountOptions>, has_session_rows: bool) -> Self {
        let sessions = self.session_settings();
        let new = |(db, options)| Accounts::new(db, options, (&sessions, has_session_rows), Arc::clone(&self.tasks));
        let accounts = self.db.clone().zip(options).map(new);
        Self { accounts, ..self }
    }

    /// The accounts of the application; a handler takes [`Accounts`].
    ///
    /// Where it has none, the error says how to get them: return it by `?`.
    #[cfg(feature = "accounts")]
    pub fn accounts(&self) -> Result<Accounts, NoAccounts> {
        self.accounts.clone().ok_or(NoAccounts)
    }

    /// The database, for what belongs to no request; a handler takes a [`Db`]. It is the same handle; nothing cancels its
    /// calls but the end of what awaits them.
    ///
    /// Where there is none, the error says how to get one: return it by `?`.
    pub fn db(&self) -> Result<&Db, foobar_db::Error> {
        self.db.as_ref().ok_or(foobar_db::Error::NoUrl)
    }

    /// Runs work in the background, on the server's runtime. A stop waits for it until `server.shutdown_timeout`; what
    /// is still running then is dropped, and the log and exit code 3 say so. Work without an end must watch
    /// [`stopping`](Self::stopping). A panic in it is logged and ends that work alone.
    ///
    /// It must not block, and it may not hold what belongs to a worker thread: hence `Send`. What a handler starts with
    /// `actix_web::rt::spawn` instead ends with its worker thread, and a stop does not wait for it.
    ///
    /// # Panics
    ///
    /// Before the server has begun to start, as in [`App::routes`](crate::App::routes).
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Completes as soon as a stop begins: requests in flight are then finished, [`App::stop`] runs, and what was
    /// [spawned](Self::spawn) is waited for. Use it to end what has no end of its own, such as a stream of events. A
    /// handler takes a [`Stopping`] as an argument.
    ///
    /// ```
    /// # async fn look_around() {}
    /// # async fn wait() {}
    /// # use foobar_app as foobar;
    /// # fn start(context: foobar::Context) {
    /// let mut stopping = context.stopping();
    /// context.spawn(async move {
    ///     loop {
    ///         tokio::select! {
    ///             () = &mut stopping => return,
    ///             () = wait() => look_around().await,
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    ///
    /// [`App::stop`]: crate::App::stop
    pub fn stopping(&self) -> Stopping {
        self.tasks.stopping()
    }

    /// The tier that what is spawned lives in: its start says on which runtime, its drain waits. [`Runtime`] and
    /// [`TowerApp`] start and drain that of their context.
    ///
    /// [`Runtime`]: crate::Runtime
    /// [`TowerApp`]: crate::TowerApp
    pub fn tier(&self) -> Arc<dyn Tier> {
        Arc::clone(&self.tasks) as Arc<dyn Tier>
    }
}

/// The context that handlers are given, which changes with the settings.
#[derive(Clone)]
pub(crate) struct CurrentContext(Arc<RwLock<Context>>);

impl CurrentContext {
    pub(crate) fn new(context: Context) -> Self {
        Self(Arc::new(RwLock::new(context)))
    }

    /// The one that the handler of this request is given; `None` outside of a [`Runtime`](crate::Runtime).
    pub(crate) fn of(request: &HttpRequest) -> Option<Context> {
        request.app_data().map(Self::get)
    }

    pub(crate) fn get(&self) -> Context {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone() // it is whole at any time
    }

    /// Everything but the accounts, which are the program's and not the configuration's, is that of `context`; they take its
    /// keys.
    pub(crate) fn set(&self, context: Context) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner); // the same
        #[cfg(feature = "accounts")]
        let context = {
            let (accounts, settings) = (current.accounts.take(), context.session_settings());
            accounts.iter().for_each(|accounts| accounts.set_keys(&settings.keys));
            Context { accounts, ..context }
        };
        *current = context;
    }
}

/// A route of files is the same with the slash at its end and without.
fn without_slash(route: &str) -> &str {
    route.strip_suffix('/').unwrap_or(route) // it has none
}

impl FromRequest for Context {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        let context = CurrentContext::of(request);
        ready(context.ok_or_else(|| Error::internal("a handler takes a `Context` outside of `Runtime`")))
    }
}

impl FromRequest for Stopping {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        let stopping = CurrentContext::of(request).map(|context| context.stopping());
        ready(stopping.ok_or_else(|| Error::internal("a handler takes `Stopping` outside of `Runtime`")))
    }
}

impl<T: Send + Sync + 'static> FromRequest for Settings<T> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        let context = CurrentContext::of(request);
        let settings = context.ok_or_else(UndeclaredSettings::of::<T>).and_then(|context| context.settings());
        ready(settings.map_err(|error| Error::internal(format!("a handler takes `Settings`: {error}"))))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("db", &self.db).finish_non_exhaustive()
    }
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests;

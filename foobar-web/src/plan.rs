//! The settings of a tier, compiled: everything is checked and opened, nothing is bound. It must not know threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use foobar_core::{MakeHandler, Problem, RequestId, handler_fn};
use http::StatusCode;

use crate::access_log::Sink;
use crate::file_source::FileSources;
use crate::limits::{Limits, within};
use crate::net::{Clients, Listen};
use crate::site::{Sites, Warning, warnings};
use crate::static_files::{Files, Store};
use crate::{Error, LogFormat, SiteSettings, WebSettings};

/// The settings of a web tier, compiled: everything is checked and opened, nothing is bound.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) listen: Vec<Listen>,
    pub(crate) workers: usize,
    pub(crate) limits: Limits,
    pub(crate) clients: Arc<Clients>,
    pub(crate) sites: Arc<Sites>,
    /// The settings that have no effect.
    pub(crate) warnings: Vec<Warning>,
    pub(crate) app: Arc<dyn MakeHandler>,
    pub(crate) log: Sink,
    pub(crate) log_format: LogFormat,
    pub(crate) store: Arc<Store>,
}

impl Plan {
    pub(crate) fn compile(
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        sources: &FileSources,
        app: Option<Arc<dyn MakeHandler>>,
    ) -> Result<Self, Error> {
        let files = Files::compile(web, sources.clone())?;
        let (listen, workers, limits) = (listen(web)?, workers(web)?, Limits::compile(web)?);
        let compiled = Sites::compile(web, sites, &files, app.is_some())?;
        Ok(Self {
            listen,
            workers,
            limits,
            clients: Arc::new(Clients::new(web.trusted_proxies.clone(), web.connections_per_address)),
            warnings: compiled.warnings.iter().cloned().chain(warnings(web, sites)).collect(),
            sites: Arc::new(compiled),
            app: app.unwrap_or_else(|| Arc::new(handler_fn(nothing))), // never asked, but its runtime is used
            log: Sink::open(&web.access_log)?,
            log_format: web.log_format,
            store: files.store,
        })
    }
}

fn listen(web: &WebSettings) -> Result<Vec<Listen>, Error> {
    let parse = |text: &String| text.parse().map_err(|message: String| Error::setting("web.listen", message));
    let listen: Vec<Listen> = web.listen.iter().map(parse).collect::<Result<_, _>>()?;
    if let Some((_, twice)) = listen.iter().enumerate().find(|(index, address)| listen[..*index].contains(address)) {
        let message = format!("\"{twice}\" is there twice; each address is listened on once");
        return Err(Error::setting("web.listen", message));
    }
    if listen.is_empty() { Err(Error::setting("web.listen", "there is no address to listen on")) } else { Ok(listen) }
}

fn workers(web: &WebSettings) -> Result<usize, Error> {
    match web.workers {
        Some(workers) => within("web.workers", workers, MOST_WORKERS),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

/// Each is a thread; far more than any machine has use for.
const MOST_WORKERS: usize = 1024;

async fn nothing(request: foobar_core::Request) -> foobar_core::Response {
    Problem::new(StatusCode::NOT_FOUND).response(request.headers(), RequestId::generate())
}

//! A server of one HTTP/1 connection after the other, in memory.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use foobar_core::{ConnectInfo, Scheme, Size, handler_fn};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use super::application;
use super::client::Client;
use super::files::{self, Files};
use crate::access_log::AccessLog;
use crate::counters::Patterns;
use crate::gate::Door;
use crate::http1::serve;
use crate::pipeline::Pipeline;
use crate::plan::{Given, Plan};
use crate::settings::{RouteSettings, SiteSettings, WebSettings};
use crate::worker::{Beginning, ConnectionState, Connections, Worker};

/// Serves whole HTTP/1 connections: `/f/now` and `/f/later` are [`FILES`](Self::FILES), `/r/` leads to the same path below
/// `/new`, and every other path is that of an [application](application::answer). Bodies end at
/// [`MAX_BODY`](Self::MAX_BODY).
pub struct Http1Server {
    runtime: Runtime,
    worker: Rc<Worker>,
}

impl Http1Server {
    /// The most bytes of a body.
    pub const MAX_BODY: u64 = 200;
    /// The paths and contents of its files. The second one has to be waited for each time.
    pub const FILES: [(&str, &[u8]); 2] = [("/f/now", files::NOW), ("/f/later", files::LATER)];

    /// A server that has not served anybody.
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let worker = Rc::new(runtime.block_on(worker()));
        Self { runtime, worker }
    }

    /// All that a client is sent that has sent these pieces one after the other and then closed its side.
    pub fn answers(&self, pieces: &[&[u8]]) -> Vec<u8> {
        let (client, written) = Client::new(pieces);
        let peer = ConnectInfo { remote: None, local: None, scheme: Scheme::Http };
        let state = Rc::new(ConnectionState::new(Rc::default(), Rc::default(), Arc::default()));
        let served = serve(client, Beginning::now(), peer, Rc::clone(&self.worker), state);
        LocalSet::new().block_on(&self.runtime, served);
        std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Http1Server {
    fn default() -> Self {
        Self::new()
    }
}

/// A worker of one site.
async fn worker() -> Worker {
    let web = WebSettings {
        access_log: "off".to_owned(),
        client_max_body_size: Size::bytes(Http1Server::MAX_BODY),
        file_cache_size: Size::bytes(0), // what has to be waited for has to be again
        ..WebSettings::default()
    };
    let sites = BTreeMap::from([("a".to_owned(), site())]);
    let mut given = Given { app: Some(Arc::new(handler_fn(application::answer))), ..Given::default() };
    given.files.add("files", Files);
    let plan = Plan::compile(&web, &sites, &given).expect("the settings are good");
    let (counters, clock) = (Arc::default(), Rc::default());
    let pipeline = Pipeline {
        clients: plan.clients,
        sites: plan.sites,
        maintenance: plan.maintenance,
        door: Door::of(Arc::default()),
        handler: plan.app.make().await.expect("it is a function"),
        log: Rc::new(AccessLog::new(plan.log_style.clone(), None, Arc::clone(&counters), Rc::clone(&clock))),
        counters: Arc::clone(&counters),
        patterns: Patterns::new(Arc::default()),
    };
    let connections = Rc::new(Connections::new(plan.limits.connections, counters));
    Worker {
        pipeline,
        limits: plan.limits,
        connections,
        tls: None,
        clock,
        buffers: Default::default(),
        latest: Rc::default(),
    }
}

fn site() -> SiteSettings {
    let none = RouteSettings::default;
    let routes = [
        ("/", RouteSettings { app: true, ..none() }),
        ("/f/", RouteSettings { files: Some("embed:files".into()), ..none() }),
        ("/r/", RouteSettings { redirect: Some("/new$request_uri".to_owned()), ..none() }),
    ];
    SiteSettings { routes: routes.map(|(path, route)| (path.to_owned(), route)).into(), ..SiteSettings::default() }
}

//! A server of one HTTP/1 connection after the other, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use foobar_core::{ConnectInfo, Scheme, Size, handler_fn};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use super::application;
use super::files::{self, Files};
use crate::access_log::AccessLog;
use crate::counters::Patterns;
use crate::gate::Door;
use crate::http1::serve;
use crate::net::Transport;
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
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let sent = pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| piece.to_vec()).collect();
        let client = Client { sent, written: Arc::clone(&written) };
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

/// A client that takes all that it is sent at once.
struct Client {
    sent: VecDeque<Vec<u8>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Transport for Client {
    const SUPPORTS_SENDFILE: bool = false;

    fn reset(&self) {}

    fn enable_keepalive(&self) {}

    fn cork(&self) -> bool {
        false
    }

    fn uncork(&self) {}

    fn unacknowledged(&self) -> u64 {
        0
    }

    fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.sent.is_empty())
    }

    fn is_reset(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn poll_writable(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn try_write_with<R>(&self, _write: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl AsyncRead for Client {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.sent.pop_front() {
            let rest = piece.split_off(piece.len().min(room.remaining()));
            room.put_slice(&piece);
            if !rest.is_empty() {
                self.sent.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

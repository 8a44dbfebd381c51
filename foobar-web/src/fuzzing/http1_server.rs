//! A server of one HTTP/1 connection after the other, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::BytesMut;
use foobar_core::{ConnectInfo, Request, RequestBody, Response, ResponseBody, Scheme, Size, handler_fn};
use http::StatusCode;
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::access_log::AccessLog;
use crate::counters::Patterns;
use crate::gate::Door;
use crate::http1::serve;
use crate::net::Transport;
use crate::pipeline::Pipeline;
use crate::plan::{Given, Plan};
use crate::settings::{RouteSettings, SiteSettings, WebSettings};
use crate::worker::{Beginning, ConnectionState, Connections, Worker};

/// Serves whole HTTP/1 connections. Its application answers each request, whatever its path, with 200 and
/// [what it has read](echo); bodies end at [`MAX_BODY`](Self::MAX_BODY).
pub struct Http1Server {
    runtime: Runtime,
    worker: Rc<Worker>,
}

impl Http1Server {
    /// The most bytes of a body.
    pub const MAX_BODY: u64 = 200;

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

/// A worker of one site, all of which is its application's.
async fn worker() -> Worker {
    let web = WebSettings {
        access_log: "off".to_owned(),
        client_max_body_size: Size::bytes(Http1Server::MAX_BODY),
        ..WebSettings::default()
    };
    let route = RouteSettings { app: true, ..RouteSettings::default() };
    let site = SiteSettings { routes: [("/".to_owned(), route)].into(), ..SiteSettings::default() };
    let sites = BTreeMap::from([("a".to_owned(), site)]);
    let plan = Plan::compile(&web, &sites, &Given { app: Some(Arc::new(handler_fn(echo))), ..Given::default() });
    let plan = plan.expect("the settings are good");
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

/// Answers with method, target and body; 400 if that does not come whole.
async fn echo(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut answer = format!("{} {}\n", head.method, head.uri).into_bytes();
    match read(body).await {
        Some(body) => answer.extend(body),
        None => {
            let mut refusal = Response::new(ResponseBody::empty());
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            return refusal;
        }
    }
    Response::new(ResponseBody::full(answer))
}

async fn read(mut body: RequestBody) -> Option<BytesMut> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        bytes.extend_from_slice(&frame.ok()?.into_data().ok()?); // there are no trailers, and an error is told by 400
    }
    Some(bytes)
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
        Ok(true)
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

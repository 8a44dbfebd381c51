use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use foobar_core::{BoxError, Connection, Io, Upgrade};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::connection_option::has_option;
use super::exchange::Exchange;
use super::unread_body;
use super::wire::{Next, Wire};
use crate::limits::HeadLimits;
use crate::net::Transport;
use crate::pipeline::{Arrival, Logged};
use crate::reply::Pace;
use crate::worker::{ConnectionState, Worker};

/// Serves one connection of HTTP/1 to its end.
///
/// The stream may be anything that carries bytes, so TLS goes in here as another `stream`; HTTP/2 is another builder
/// over the same [`answer`], without the wire, whose framing it does not share.
pub(crate) async fn serve<S: Transport>(
    stream: S,
    connection: Connection,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
) {
    let exchange = Rc::new(Exchange::new(state));
    // The task that this becomes is moved several times.
    let mut wire = Box::new(Wire::new(stream, connection, worker.clone(), exchange.clone()));
    match poll_fn(|cx| wire.poll_next(cx)).await {
        Ok(Next::Request) => Box::pin(serve_by_hyper(wire, connection, worker, exchange)).await,
        Ok(Next::End) => {
            exchange.answered(); // not idle any more
            wire.close().await;
        }
        Err(error) => {
            tracing::debug!(%error, "a connection ended early");
            wire.abort();
        }
    }
}

/// Serves the connection on from its first request that is for the pipeline.
async fn serve_by_hyper<S: Transport>(
    wire: Box<Wire<S>>,
    connection: Connection,
    worker: Rc<Worker>,
    exchange: Rc<Exchange>,
) {
    wire.probe();
    let service = service_fn(|request| answer(worker.clone(), connection, exchange.clone(), request));
    let mut http = http1::Builder::new();
    let HeadLimits { line, bytes, fields } = worker.limits.head;
    http.max_buf_size(BUFFER.max(line + bytes + SLACK));
    if fields > HYPER_FIELDS {
        http.max_headers(fields);
    }
    let mut http = http.serve_connection(TokioIo::new(wire), service);
    let ended = (&mut http).await;
    exchange.answered(); // not idle any more, whatever follows
    let parts = http.into_parts();
    let mut wire = parts.io.into_inner();
    match (ended, exchange.take_offer()) {
        (Err(error), _) => {
            tracing::debug!(error = %foobar_core::Chain(&error), "a connection ended early");
            wire.abort();
        }
        (Ok(()), Some(taker)) => {
            let (tunnel, grip) = wire.into_tunnel(&parts.read_buf);
            if taker.send(Box::new(tunnel)).is_ok() {
                grip.until_end(exchange.tunnel_until_drain()).await;
            }
        }
        (Ok(()), None) => wire.close().await,
    }
}

/// What a connection may hold of an answer that its client does not take.
const BUFFER: usize = 64 << 10;
/// What a head has beyond its limits, such as ends of lines.
const SLACK: usize = 4 << 10;
/// Up to so many header fields hyper parses without an allocation.
const HYPER_FIELDS: usize = 100;

async fn answer(
    worker: Rc<Worker>,
    connection: Connection,
    exchange: Rc<Exchange>,
    mut request: Request<Incoming>,
) -> Result<Response<Outcome>, Infallible> {
    let arrival = Arrival { connection, since: exchange.since() };
    let version = request.version();
    let refusal = exchange.take_refusal();
    let refused = refusal.is_some();
    let (mut response, unread) = match refusal {
        Some(refusal) => (worker.pipeline.refuse(request, refusal, arrival).await, None),
        None => {
            offer_upgrade(&exchange, &mut request);
            let (request, unread) = unread_body::of(request);
            (worker.pipeline.serve(request, arrival).await, unread)
        }
    };
    exchange.reply();
    exchange.logs(response.body().entry());
    if let Some(pace) = response.extensions().get::<Pace>() {
        exchange.limit_rate(*pace);
    }
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        drop(exchange.take_offer());
        let last = exchange.connection.requests() >= worker.limits.requests || exchange.connection.closes_when_idle();
        let ends = unread.as_ref().is_some_and(|unread| !unread.has_end(exchange.is_complete()));
        if last || worker.connections.is_short() || refused || ends {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if has_option(response.headers(), "close") {
            // To an answer of HTTP/1.1 hyper would add `keep-alive`, where a client of HTTP/1.0 asked for it.
            *response.version_mut() = version;
        } else if let Some(unread) = unread {
            spawn_local(unread.discard());
        }
    }
    Ok(response.map(|body| Outcome { body, exchange }))
}

/// The body of an answer; the exchange learns when it has been made whole, or given up.
struct Outcome {
    body: Logged,
    exchange: Rc<Exchange>,
}

impl Drop for Outcome {
    fn drop(&mut self) {
        self.exchange.answered();
    }
}

impl Body for Outcome {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Lets the handler take over the connection by answering 101, if the request may lead to that.
fn offer_upgrade(exchange: &Exchange, request: &mut Request<Incoming>) {
    if !asks_to_upgrade(request) {
        return;
    }
    let (taker, taken) = oneshot::channel::<Box<dyn Io>>();
    exchange.offer(taker);
    let gone = |_| io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was not upgraded");
    request.extensions_mut().insert(Upgrade::new(async move { taken.await.map_err(gone) }));
}

/// Whether a request asks to switch protocols in full form: with anything less, a proxy in front may see another
/// request where this server sees a tunnel.
fn asks_to_upgrade<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && headers.contains_key(UPGRADE)
        && has_option(headers, "upgrade")
        && !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING)
}

use std::rc::Rc;
use std::sync::Arc;

use foobar_core::{
    Body, BoxError, BoxFuture, Chain, ClientAbort, EarlyHints, Handler, Request, RequestId, Response, SendStream, carry,
};
use tokio::sync::{mpsc, oneshot};

use super::transport::Transport;
use crate::AppTier;

/// The thread that an application runs on; it ends when this is dropped.
pub(super) struct Worker {
    calls: mpsc::UnboundedSender<Call>,
}

/// A request and where its answer goes.
type Call = (Request, oneshot::Sender<http::Response<Body<SendStream>>>);

impl Worker {
    /// Panics if `tier` does not start.
    pub(super) async fn start(tier: Arc<dyn AppTier>) -> Self {
        tier.start().await.unwrap_or_else(|error| panic!("the application does not start: {}", Chain(&*error)));
        let (calls, receiver) = mpsc::unbounded_channel();
        let (made, ready) = oneshot::channel();
        let worker = move || tier.block_on(Box::pin(work(Arc::clone(&tier), receiver, made)));
        std::thread::Builder::new().name("foobar-client".into()).spawn(worker).expect("the system has threads left");
        match ready.await {
            Ok(Ok(())) => Self { calls },
            Ok(Err(error)) => panic!("the application cannot serve: {}", Chain(&*error)),
            Err(_) => panic!("the application panicked before it could serve"),
        }
    }
}

impl Transport for Worker {
    fn send(&self, request: Request) -> BoxFuture<'_, http::Response<Body<SendStream>>> {
        let (sender, answer) = oneshot::channel();
        let _dead_worker_shows_below = self.calls.send((request, sender));
        Box::pin(async { answer.await.expect("the application's thread answers every call") })
    }
}

/// Answers calls until the client is gone.
async fn work(
    tier: Arc<dyn AppTier>,
    mut calls: mpsc::UnboundedReceiver<Call>,
    made: oneshot::Sender<Result<(), BoxError>>,
) {
    let handler: Rc<dyn Handler> = match tier.make().await {
        Ok(handler) => handler,
        Err(error) => return drop(made.send(Err(error))),
    };
    let _client_gone = made.send(Ok(()));
    while let Some((request, sender)) = calls.recv().await {
        tokio::task::spawn_local(serve(Rc::clone(&handler), request, sender));
    }
}

/// Answers one call, as long as somebody waits for it.
async fn serve(
    handler: Rc<dyn Handler>,
    mut request: Request,
    mut sender: oneshot::Sender<http::Response<Body<SendStream>>>,
) {
    let abort = ClientAbort::of(request.method());
    request.extensions_mut().insert(abort.clone());
    let answer = abort.unless_gone(answer(&*handler, request), sender.closed()).await;
    let Some((head, body)) = answer.map(http::Response::into_parts) else { return };
    let (body, feed) = carry(body);
    if sender.send(http::Response::from_parts(head, body)).is_ok() {
        feed.await;
    }
}

/// Does for the handler what a web tier does.
async fn answer(handler: &dyn Handler, mut request: Request) -> Response {
    let id = *request.extensions_mut().get_or_insert_with(RequestId::generate);
    let hints = request.extensions().get::<EarlyHints>().cloned().unwrap_or_default();
    let mut response = handler.handle(request).await;
    hints.end();
    handler.default_fields().complete(response.headers_mut());
    response.headers_mut().insert(RequestId::FIELD, id.into());
    response
}

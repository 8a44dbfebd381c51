use foobar_core::{Body, BoxFuture, Request, SendStream};

/// Where the requests of a test go: an application, or a whole server in process.
pub trait Transport: Send + Sync + 'static {
    /// Answers one request. The body is read as it is asked for. The client has gone when that is dropped, or the
    /// future before it is ready.
    fn send(&self, request: Request) -> BoxFuture<'_, http::Response<Body<SendStream>>>;
}

use foobar_core::{Body, BoxFuture, Request, SendStream};

/// Where the requests of a test go: an application, or a whole server in process.
pub trait Transport: Send + Sync + 'static {
    /// Answers one request. The body is read as it is asked for, and the client has gone when it is dropped.
    fn send(&self, request: Request) -> BoxFuture<'_, http::Response<Body<SendStream>>>;
}

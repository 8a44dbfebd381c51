use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::dev::{Service, ServiceRequest, Transform};
use foobar_core::ClientAbort;

/// Lets the handlers of a route, a resource or a scope run to their end even if their client disconnects, within
/// `app.request_timeout` as always. That is the default for all methods except `GET` and `HEAD`.
///
/// ```
/// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
/// use foobar::{run_to_end, web};
///
/// # async fn unsubscribe() -> &'static str { "" }
/// # fn routes(routes: &mut web::ServiceConfig) {
/// routes.route("/unsubscribe", web::get().to(unsubscribe).wrap(run_to_end()));
/// # }
/// ```
///
/// If a scope and a route in it both decide, the route wins. [`App`](crate::App#when-the-client-goes) has the whole
/// picture.
pub fn run_to_end() -> OnClientAbort {
    OnClientAbort(ClientAbort::run_to_end)
}

/// Cancels the handlers of a route, a resource or a scope when their client disconnects: they are dropped at the
/// `.await` that they have reached. That is the default for `GET` and `HEAD`.
///
/// ```
/// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
/// use foobar::{cancel_with_client, web};
///
/// # async fn search() -> &'static str { "" }
/// # fn routes(routes: &mut web::ServiceConfig) {
/// routes.service(web::resource("/search").wrap(cancel_with_client()).post(search));
/// # }
/// ```
///
/// See [`run_to_end`].
pub fn cancel_with_client() -> OnClientAbort {
    OnClientAbort(ClientAbort::cancel)
}

/// The middleware that [`run_to_end`] and [`cancel_with_client`] make.
#[derive(Clone, Copy)]
pub struct OnClientAbort(fn(&ClientAbort));

/// A service with that around it.
pub struct Deciding<S> {
    decide: fn(&ClientAbort),
    service: S,
}

impl<S: Service<ServiceRequest>> Transform<S, ServiceRequest> for OnClientAbort {
    type Response = S::Response;
    type Error = S::Error;
    type Transform = Deciding<S>;
    type InitError = ();
    type Future = Ready<Result<Deciding<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Deciding { decide: self.0, service }))
    }
}

impl<S: Service<ServiceRequest>> Service<ServiceRequest> for Deciding<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> S::Future {
        if let Some(abort) = request.extensions().get() {
            (self.decide)(abort);
        }
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests;

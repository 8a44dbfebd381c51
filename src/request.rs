//! What a request brings besides HTTP. A handler takes each as actix-web's `ReqData<_>`, a
//! [`Handler`](crate::tiers::Handler) or a `tower::Service` out of the request's extensions.

pub use foobar_app::{Deciding, OnClientAbort};
pub use foobar_core::{
    ClientAbort, ClientCertificate, ConnectInfo, EarlyHints, EarlyHintsError, HintsToSend, Io, RequestId, Scheme,
    Upgrade,
};

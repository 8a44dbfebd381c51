//! What a request carries besides HTTP. A handler takes each as actix-web's `ReqData<_>`; a
//! [`Handler`](crate::tiers::Handler) or a `tower::Service` finds it in the request's extensions.

pub use foobar_app::{Deciding, OnClientAbort};
pub use foobar_core::{
    ClientAbort, ClientCertificate, ConnectInfo, EarlyHints, EarlyHintsError, HintsToSend, Io, RequestId, Scheme,
    Upgrade,
};

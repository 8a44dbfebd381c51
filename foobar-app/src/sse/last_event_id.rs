use std::convert::Infallible;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

/// The id of the last event that a client has seen, when it asks for a stream again (`Last-Event-ID`). A handler takes
/// it as an argument; who asks for the first time has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastEventId(Option<String>);

impl LastEventId {
    /// The id, as [`Event::id`](super::Event::id) has set it; but any client may send any.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The id as a number, or whatever it is; `None` if it is not one.
    pub fn parse<T: FromStr>(&self) -> Option<T> {
        self.as_str()?.parse().ok() // no id of ours
    }
}

impl FromRequest for LastEventId {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        let field = request.headers().get("last-event-id");
        let id = field.and_then(|id| str::from_utf8(id.as_bytes()).ok()); // not UTF-8: no id of ours
        ready(Ok(Self(id.filter(|id| !id.is_empty()).map(str::to_owned))))
    }
}

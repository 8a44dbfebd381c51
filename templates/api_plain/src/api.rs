//! The API: JSON in and out. Errors are problems (RFC 9457) by themselves.

use foobar::actix_web::Responder;
use foobar::{Json, web};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Hello {
    hello: String,
}

/// Who wants to be greeted, and the rules for that.
#[derive(Deserialize, garde::Validate)]
pub(crate) struct Guest {
    #[garde(length(chars, min = 1, max = 100))]
    name: String,
}

pub(crate) async fn hello() -> impl Responder {
    web::Json(Hello {
        hello: "World".to_owned(),
    })
}

pub(crate) async fn greet(guest: Json<Guest>) -> impl Responder {
    web::Json(Hello {
        hello: guest.into_inner().name,
    })
}

//! The API: JSON in and out. Errors are problems (RFC 9457) by themselves.

use foobar::actix_web::Responder;
use foobar::{Error, web};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Hello {
    hello: String,
}

/// Who wants to be greeted.
#[derive(Deserialize)]
pub(crate) struct Guest {
    name: String,
}

pub(crate) async fn hello() -> impl Responder {
    web::Json(Hello {
        hello: "World".to_owned(),
    })
}

pub(crate) async fn greet(guest: web::Json<Guest>) -> Result<impl Responder, Error> {
    match guest.name.trim() {
        "" => Err(Error::unprocessable("Please give your name.")),
        name => Ok(web::Json(Hello {
            hello: name.to_owned(),
        })),
    }
}

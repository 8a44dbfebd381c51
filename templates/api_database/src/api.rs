//! The API: JSON in and out. Errors are problems (RFC 9457) by themselves.

use diesel::prelude::*;
use foobar::actix_web::{HttpResponse, Responder};
use foobar::{Db, Error, Json, web};
use serde::Serialize;

use crate::message::{Message, NewMessage};
use crate::schema::messages;

#[derive(Serialize)]
struct Hello {
    hello: &'static str,
    messages: i64,
}

pub(crate) async fn hello(db: Db) -> Result<impl Responder, Error> {
    let messages = db
        .read(|conn| messages::table.count().get_result(conn))
        .await?;
    Ok(web::Json(Hello {
        hello: "World",
        messages,
    }))
}

pub(crate) async fn latest(db: Db) -> Result<impl Responder, Error> {
    Ok(web::Json(db.read(Message::latest).await?))
}

pub(crate) async fn leave_message(
    db: Db,
    message: Json<NewMessage>,
) -> Result<impl Responder, Error> {
    db.write(move |conn| message.insert(conn)).await?;
    Ok(HttpResponse::Created().finish())
}

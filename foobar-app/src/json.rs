use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use foobar_core::LocalBoxFuture;

use crate::input::{self, in_sentences};
use crate::{Error, Validated};

/// A JSON body whose fields are right: an argument of a handler.
///
/// ```
/// # mod foobar {
/// #     pub use foobar_app::{*, actix_web::web};
/// #     pub mod test {
/// #         pub use foobar_app::testing::*;
/// #         pub async fn client(app: impl super::App) -> Client { Client::new(app, None).await }
/// #     }
/// # }
/// use foobar::{Json, web};
///
/// #[derive(serde::Deserialize, garde::Validate)]
/// struct Order {
///     #[garde(length(chars, min = 1))]
///     article: String,
///     #[garde(range(min = 1, max = 100))]
///     pieces: u32,
/// }
///
/// async fn order(order: Json<Order>) -> String {
///     format!("{} × {}", order.pieces, order.article)
/// }
///
/// # #[foobar_app::actix_web::main]
/// # async fn main() {
/// let app = foobar::routes(|routes| _ = routes.route("/orders", web::post().to(order)));
/// let client = foobar::test::client(app).await;
/// let answer = client.post("/orders").json(&serde_json::json!({"article": 5, "pieces": "two"})).await;
/// assert_eq!(answer.status(), 422);
/// let expected = serde_json::json!({"article": ["is not text"], "pieces": ["is not a whole number"]});
/// assert_eq!(answer.json::<serde_json::Value>()["errors"], expected);
/// # }
/// ```
///
/// A field that is missing, one of another type and one that breaks a rule of [garde](https://docs.rs/garde) are told in one
/// way, not the first alone: 422, a problem with the member `errors`, as [`FieldErrors`](crate::FieldErrors) has them, of at
/// most 32 fields. The rules are asked when each field is there and has its type, but for `Option`s, which count as `None`
/// where they are wrong. What serde_json refuses is refused; where no field can be named, as of one that is there twice, the
/// name is `""`.
///
/// A body that is not JSON is a 400, one whose `Content-Type` is another a 415, one larger than `client_max_body_size` a 413.
/// `web::Json` of actix-web says less: 400, without the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> Json<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Validated + 'static> FromRequest for Json<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = is_json(request.content_type()).then(|| Bytes::from_request(request, payload));
        Box::pin(async {
            let body = body.ok_or_else(|| Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_JSON))?.await?;
            read(&body).map(Self)
        })
    }
}

/// Most bodies are right, and read at once. What serde_json refuses is never a value.
fn read<T: Validated>(body: &[u8]) -> Result<T, Error> {
    let read = serde_json::from_slice::<T>(body).map(|value| in_sentences(|| value.validate()).map(|()| value));
    if let Ok(Ok(value)) = read {
        return Ok(value);
    }
    let body = serde_json::from_slice(body).map_err(|_malformed| Error::bad_request(MALFORMED))?;
    let errors = match read {
        Ok(Err(report)) => input::broken_in_json::<T>(&body, &report),
        _ => input::wrong_in_json::<T>(&body),
    };
    Err(errors.to_error())
}

/// `application/json`, and what is JSON by its suffix (RFC 6839).
fn is_json(content_type: &str) -> bool {
    let kind = content_type.to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

const NO_JSON: &str = "The body of the request has to be JSON, and its Content-Type to say so.";
const MALFORMED: &str = "The body of the request is not JSON.";

#[cfg(test)]
mod tests;

//! A form that is shown again with what was typed and what is wrong with it.

mod encoded;
mod fields;

use std::fmt;
use std::ops::{Deref, DerefMut};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use foobar_core::LocalBoxFuture;

use crate::input;
use crate::{Error, Validated};

pub use fields::FormFields;

/// A form that a browser has sent: the value that the fields make, or what was typed and what is wrong with it.
///
/// A field that is missing, one that is no such thing (`age=abc`) and one that breaks a rule of
/// [garde](https://docs.rs/garde) are told in one way and all at once, as sentences beside their fields; the form is shown
/// again with them, and the answer is a 422. Something stands in for a field that is missing or no such thing while the rules
/// are asked, such as 0: where a rule of your own panics at it, the rules wait until the field is mended.
///
/// ```
/// # mod foobar {
/// #     pub use foobar_app::{*, actix_web::web};
/// #     pub mod test {
/// #         pub use foobar_app::testing::*;
/// #         pub async fn client(app: impl super::App) -> Client { Client::new(app, None).await }
/// #     }
/// # }
/// use foobar::actix_web::HttpResponse;
/// use foobar::{Form, FormFields, web};
///
/// #[derive(serde::Deserialize, garde::Validate)]
/// struct Entry {
///     #[garde(length(chars, min = 1, max = 80))]
///     name: String,
///     #[garde(range(min = 1, max = 150))]
///     age: Option<u8>,
///     #[garde(skip)]
///     public: bool,
/// }
///
/// async fn sign(mut form: Form<Entry>) -> HttpResponse {
///     match form.take() {
///         Some(entry) => HttpResponse::Ok().body(format!("Thank you, {}!", entry.name)),
///         None => HttpResponse::UnprocessableEntity().body(page(&form)),
///     }
/// }
///
/// /// A template does this better: it escapes what was typed.
/// fn page(form: &FormFields) -> String {
///     ["name", "age"].map(|field| format!("{field}: {} {:?}\n", form.value(field), form.errors(field))).concat()
/// }
///
/// # #[foobar_app::actix_web::main]
/// # async fn main() {
/// let app = foobar::routes(|routes| _ = routes.route("/sign", web::post().to(sign)));
/// let client = foobar::test::client(app).await;
/// let answer = client.post("/sign").form(&[("name", ""), ("age", "abc")]).await;
/// assert_eq!(answer.status(), 422);
/// assert_eq!(answer.text(), "name:  [\"must not be empty\"]\nage: abc [\"is not a whole number\"]\n");
/// # }
/// ```
///
/// What the fields may be: text, numbers, `bool` (a checkbox: one that is not sent is false), enums of words (a choice),
/// lists (a field that is there several times; none is an empty list) and `Option`s of them, which are `None` where the field
/// is empty or blank; behind `#[serde(flatten)]` text alone. Of a field that is there several times and is no list, the last
/// counts. Fields that nobody asks for are ignored.
///
/// A body that is no form is an error of its own, and does not reach the handler: 415 where the `Content-Type` is another
/// than `application/x-www-form-urlencoded`, 400 where it cannot be decoded or is not UTF-8, 413 where it is larger than
/// `client_max_body_size` or has more than 1000 fields. A form with files is `multipart/form-data`: read its parts, and give
/// the texts to [`Form::of`].
///
/// At most 32 fields are told. Sentences in other languages than English: `garde::i18n`.
pub struct Form<T> {
    fields: FormFields,
    value: Option<T>,
}

impl<T: Validated> Form<T> {
    /// The form of these fields, such as the texts among the parts of a form with files.
    pub fn of<N: Into<String>, V: Into<String>>(fields: impl IntoIterator<Item = (N, V)>) -> Self {
        Self::read(FormFields::from_iter(fields))
    }

    fn read(mut fields: FormFields) -> Self {
        if fields.len() > MOST_FIELDS {
            fields.add_error("", format!("has more than {MOST_FIELDS} fields"));
            return Self { fields, value: None };
        }
        match input::of_form(fields.typed()) {
            Ok(value) => Self { fields, value: Some(value) },
            Err(errors) => {
                fields.set_errors(errors);
                Self { fields, value: None }
            }
        }
    }
}

impl<T> Form<T> {
    /// The value, once; `None` if something is wrong with a field, also by [`FormFields::add_error`].
    pub fn take(&mut self) -> Option<T> {
        if self.fields.is_valid() { self.value.take() } else { None }
    }
}

/// What was typed, and what is wrong with it.
impl<T> Deref for Form<T> {
    type Target = FormFields;

    fn deref(&self) -> &FormFields {
        &self.fields
    }
}

impl<T> DerefMut for Form<T> {
    fn deref_mut(&mut self) -> &mut FormFields {
        &mut self.fields
    }
}

/// Without what was typed, which may be a password.
impl<T> fmt::Debug for Form<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.fmt(f)
    }
}

impl<T: Validated + 'static> FromRequest for Form<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = is_form(request).then(|| Bytes::from_request(request, payload));
        Box::pin(async {
            let body = body.ok_or_else(|| Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_FORM))?.await?;
            if encoded::count(&body) > MOST_FIELDS {
                return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, TOO_MANY));
            }
            let typed = encoded::fields(&body).ok_or_else(|| Error::bad_request(MALFORMED))?;
            Ok(Self::read(FormFields::new(typed)))
        })
    }
}

fn is_form(request: &HttpRequest) -> bool {
    let is_utf8 = request.encoding().is_ok_and(|encoding| encoding.name() == "UTF-8");
    is_utf8 && request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The most fields that a form may have, so that none costs more than a moment. Those that nobody asks for count too.
const MOST_FIELDS: usize = 1000;
const TOO_MANY: &str = "The form has more than 1000 fields.";
const NO_FORM: &str = "The body of the request has to be a form in UTF-8, and its Content-Type to say so.";
const MALFORMED: &str = "The body of the request is not a form in UTF-8.";

#[cfg(test)]
mod tests;

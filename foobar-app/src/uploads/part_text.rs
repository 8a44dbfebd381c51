use actix_multipart::Field;
use actix_web::http::StatusCode;

use super::bytes;
use crate::Error;

/// The text of a part of a form with files, for [`Form::of`](crate::Form::of). A part of more than `limit` bytes is a 413, and one
/// that is not UTF-8 a 400; both name the field. The rest of the form can be read afterwards.
///
/// ```
/// # use foobar_app as foobar;
/// # use futures_util::TryStreamExt;
/// use foobar::Error;
/// use foobar::actix_multipart::Multipart;
///
/// async fn texts(mut form: Multipart) -> Result<Vec<(String, String)>, Error> {
///     let mut texts = Vec::new();
///     while let Some(mut part) = form.try_next().await? {
///         let name = part.name().unwrap_or_default().to_owned();
///         texts.push((name, foobar::part_text(&mut part, 16 << 10).await?));
///     }
///     Ok(texts)
/// }
/// ```
pub async fn part_text(part: &mut Field, limit: usize) -> Result<String, Error> {
    let field = named(part.name());
    let content = part.bytes(limit).await.map_err(|_limit_exceeded| {
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, format!("{field} is larger than {}.", bytes(limit as u64)))
    })??;
    String::from_utf8(content.into()).map_err(|_not_utf8| Error::bad_request(format!("{field} is not UTF-8.")))
}

/// How long a name is that is shown, in characters.
const MAX_NAME: usize = 64;

/// The field as the client is told of it. It gave the name itself: what is not like one is not repeated.
fn named(name: Option<&str>) -> String {
    let is_like_one = |name: &&str| name.chars().count() <= MAX_NAME && !name.contains(char::is_control);
    match name.filter(is_like_one) {
        Some(name) => format!("The field `{name}` of the form"),
        None => "A field of the form".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use actix_multipart::Multipart as Parts;
    use actix_web::web::{self, ServiceConfig};
    use futures_util::TryStreamExt;

    use super::*;
    use crate::testing::{Client, Multipart};

    async fn texts(mut form: Parts) -> Result<String, Error> {
        let mut texts = Vec::new();
        while let Some(mut part) = form.try_next().await? {
            texts.push(part_text(&mut part, 8).await?);
        }
        Ok(texts.join(","))
    }

    fn routes(routes: &mut ServiceConfig) {
        routes.route("/", web::post().to(texts));
    }

    #[tokio::test]
    async fn a_text_that_is_too_long_or_not_utf_8_is_refused_with_the_name_of_its_field() {
        let client = Client::new(crate::routes(routes), None).await;
        let form = || Multipart::new().text("title", "12345678");
        assert_eq!(client.post("/").multipart(form().text("body", "")).await.text(), "12345678,");
        for (form, status, detail) in [
            (form().text("body", "123456789"), 413, "The field `body` of the form is larger than 8 bytes."),
            (form().file("body", "", "text/plain", &b"\xff"[..]), 400, "The field `body` of the form is not UTF-8."),
            (form().text(&"x".repeat(65), "123456789"), 413, "A field of the form is larger than 8 bytes."),
        ] {
            let answer = client.post("/").multipart(form).await;
            assert_eq!(answer.status(), status, "{answer:?}");
            assert_eq!(answer.json::<serde_json::Value>()["detail"], detail);
        }
    }

    #[test]
    fn a_name_that_is_not_like_one_is_not_repeated() {
        assert_eq!(named(Some("größe")), "The field `größe` of the form");
        for name in [None, Some("a\u{1b}[31m"), Some(&*"x".repeat(65))] {
            assert_eq!(named(name), "A field of the form", "{name:?}");
        }
    }
}

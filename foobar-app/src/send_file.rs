use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder};
use foobar_core::Disposition;

use crate::{Error, file_path};

/// An answer that is a file of an internal route, sent by the web tier: with its ranges and conditions, from its cache
/// or by sendfile, while the application is done already.
///
/// `Server::private("/invoices/", "/srv/invoices")` makes the route, and
/// [`Context::private_folder`](crate::Context::private_folder) says where its folder is; so does the configuration:
///
/// ```toml
/// [sites.default.routes."/invoices/"]
/// files = "/srv/invoices"
/// internal = true # a client that asks for it gets 404
/// ```
///
/// ```
/// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
/// use foobar::actix_web::Responder;
/// use foobar::{Error, web};
///
/// async fn invoice(number: web::Path<u32>) -> Result<impl Responder, Error> {
///     // … may this client see it? …
///     Ok(foobar::send_file("/invoices/", format!("{number}.pdf")).download_as("Rechnung März.pdf"))
/// }
/// ```
///
/// `route` is the path of the route as the configuration has it, `name` the path of the file below it, of any bytes. A
/// name that no file can have there (empty, with `..` or an empty segment, with a control character) is answered 404,
/// as is one that no file has: it may be what a client has said. A route that does not begin with `/` is a 500.
///
/// It is a [`Responder`]: `.customize()` adds fields, such as `Cache-Control`, without which the file is private. What
/// the web tier takes of them is said at the setting `internal`. [`testing::Client`](crate::testing::Client), which has
/// no web tier, shows the field `X-Accel-Redirect` in place of the file.
pub fn send_file(route: impl Into<String>, name: impl AsRef<OsStr>) -> SendFile {
    SendFile { route: route.into(), name: name.as_ref().as_bytes().to_vec(), content_type: None, disposition: None }
}

/// Made by [`send_file`].
#[derive(Clone, Debug)]
#[must_use = "return it from a handler"]
pub struct SendFile {
    route: String,
    name: Vec<u8>,
    content_type: Option<String>,
    disposition: Option<HeaderValue>,
}

impl SendFile {
    /// Lets the browser save the file under this name, which may have letters of any script (RFC 6266, RFC 8187).
    /// Slashes, backslashes and control characters become `_`.
    pub fn download_as(mut self, name: impl AsRef<str>) -> Self {
        let is_unsafe = |c: char| c.is_control() || matches!(c, '/' | '\\');
        let name: String = name.as_ref().chars().map(|c| if is_unsafe(c) { '_' } else { c }).collect();
        let value = Disposition::Attachment.of(&name);
        self.disposition = Some(HeaderValue::from_bytes(value.as_bytes()).expect("it is a value of the other version"));
        self
    }

    /// The media type, in place of what the name of the file says.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    pub(crate) fn response(&self) -> Result<HttpResponse, Error> {
        let mut response = HttpResponse::Ok().finish();
        let headers = response.headers_mut();
        if let Some(media_type) = &self.content_type {
            let value = HeaderValue::try_from(media_type);
            let value = value.map_err(|_| Error::internal(format!("`send_file`: {media_type:?} is no media type")))?;
            headers.insert(CONTENT_TYPE, value);
        }
        if let Some(disposition) = &self.disposition {
            headers.insert(CONTENT_DISPOSITION, disposition.clone());
        }
        let target = HeaderValue::try_from(self.target()?).expect("an encoded path is plain ASCII");
        headers.insert(HeaderName::from_static("x-accel-redirect"), target);
        Ok(response)
    }

    /// The path of the file, as a URL has it.
    fn target(&self) -> Result<String, Error> {
        let folder = self.route.strip_prefix('/').map(|route| route.strip_suffix('/').unwrap_or(route)); // either way
        let folder = folder.and_then(|folder| file_path::encoded(folder.as_bytes())).ok_or_else(|| {
            Error::internal(format!("`send_file`: {:?} is no route; write for example \"/invoices/\"", self.route))
        })?;
        let name = file_path::encoded(&self.name).ok_or_else(|| Error::not_found("There is no file of this name."))?;
        Ok(format!("/{folder}/{name}"))
    }
}

impl Responder for SendFile {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        self.response().unwrap_or_else(HttpResponse::from_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(file: &SendFile, name: &str) -> Option<String> {
        let response = file.response().unwrap();
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_file_is_named_by_an_encoded_path_whatever_its_name_is() {
        for (route, name, target) in [
            ("/private/", OsStr::new("a.pdf"), "/private/a.pdf"),
            ("/private", OsStr::new("2026/a b.pdf"), "/private/2026/a%20b.pdf"),
            ("/meine dateien/", OsStr::new("Ümläut.pdf"), "/meine%20dateien/%C3%9Cml%C3%A4ut.pdf"),
            ("/p/", OsStr::new("a\"?#%2e%2e"), "/p/a%22%3F%23%252e%252e"),
            ("/p/", OsStr::from_bytes(b"caf\xe9\\x"), "/p/caf%E9%5Cx"),
        ] {
            assert_eq!(field(&send_file(route, name), "x-accel-redirect").as_deref(), Some(target));
        }
    }

    #[test]
    fn a_name_that_no_file_can_have_is_not_found() {
        for name in ["", "..", "../etc/passwd", "a/../../b", "a/./b", "/etc/passwd", "a//b", "a/", "a\r\nX: y", "a\0"] {
            let error = send_file("/private/", name).response().unwrap_err();
            assert_eq!(error.status(), 404, "{name:?}");
        }
    }

    #[test]
    fn a_route_that_is_none_is_the_programs_mistake_and_says_so() {
        for route in ["", "private/", "/", "/../x/", "/a\r\nb/"] {
            let error = send_file(route, "a.pdf").response().unwrap_err();
            assert_eq!(error.status(), 500);
            assert!(error.to_string().contains(&format!("{route:?} is no route; write for example")), "{error}");
        }
    }

    #[test]
    fn a_download_has_the_name_that_it_is_given() {
        for (name, value) in [
            ("report.pdf", r#"attachment; filename="report.pdf""#),
            ("Ümläut.pdf", r#"attachment; filename="_ml_ut.pdf"; filename*=UTF-8''%C3%9Cml%C3%A4ut.pdf"#),
            (r#"a"b.pdf"#, r#"attachment; filename="a_b.pdf"; filename*=UTF-8''a%22b.pdf"#),
            ("a\r\nSet-Cookie: x.pdf", r#"attachment; filename="a__Set-Cookie: x.pdf""#),
            ("../../a\\b.pdf", r#"attachment; filename=".._.._a_b.pdf""#),
            ("", r#"attachment; filename="""#),
        ] {
            let file = send_file("/p/", "x").download_as(name);
            assert_eq!(field(&file, "content-disposition").as_deref(), Some(value));
        }
    }

    #[test]
    fn the_type_is_the_web_tiers_unless_it_is_given() {
        assert_eq!(field(&send_file("/p/", "x.pdf"), "content-type"), None);
        let given = send_file("/p/", "x").content_type("application/pdf");
        assert_eq!(field(&given, "content-type").as_deref(), Some("application/pdf"));
        let error = send_file("/p/", "x").content_type("a\r\nb").response().unwrap_err();
        assert_eq!(
            (error.status().as_u16(), error.to_string()),
            (500, "`send_file`: \"a\\r\\nb\" is no media type".into())
        );
    }
}

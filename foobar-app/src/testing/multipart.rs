use bytes::Bytes;

/// A form with files, as a browser sends it: `multipart/form-data` (RFC 7578).
///
/// ```
/// # mod foobar {
/// #     pub use foobar_app::{*, actix_web::web};
/// #     pub mod test {
/// #         pub use foobar_app::testing::*;
/// #         pub async fn client(app: impl super::App) -> Client { Client::new(app, None).await }
/// #     }
/// # }
/// use foobar::actix_web::{Error, web};
/// use foobar::test::Multipart;
/// use actix_multipart::Multipart as Parts;
/// use futures_util::TryStreamExt;
///
/// /// Names each part and how long it is.
/// async fn upload(mut parts: Parts) -> Result<String, Error> {
///     let mut seen = String::new();
///     while let Some(mut part) = parts.try_next().await? {
///         let mut length = 0;
///         while let Some(piece) = part.try_next().await? {
///             length += piece.len();
///         }
///         seen += &format!("{}: {length}\n", part.name().unwrap_or_default());
///     }
///     Ok(seen)
/// }
///
/// # #[foobar_app::actix_web::main]
/// # async fn main() {
/// let app = foobar::routes(|routes| _ = routes.route("/upload", web::post().to(upload)));
/// let client = foobar::test::client(app).await;
/// let form = Multipart::new().text("title", "A cat").file("picture", "cat.png", "image/png", &b"\x89PNG"[..]);
/// let answer = client.post("/upload").multipart(form).await;
/// assert_eq!(answer.text(), "title: 5\npicture: 4\n");
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a form is sent by `TestRequest::multipart`"]
pub struct Multipart(Vec<(String, Bytes)>);

impl Multipart {
    /// A form without fields.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a field of text.
    pub fn text(self, name: &str, value: &str) -> Self {
        let head = format!("content-disposition: form-data; name=\"{}\"\r\n\r\n", escaped(name));
        self.part(head, Bytes::copy_from_slice(value.as_bytes()))
    }

    /// Adds a file with its media type.
    pub fn file(self, name: &str, file_name: &str, content_type: &str, content: impl Into<Bytes>) -> Self {
        let names = format!("name=\"{}\"; filename=\"{}\"", escaped(name), escaped(file_name));
        let head = format!("content-disposition: form-data; {names}\r\ncontent-type: {content_type}\r\n\r\n");
        self.part(head, content.into())
    }

    fn part(mut self, head: String, content: Bytes) -> Self {
        self.0.push((head, content));
        self
    }

    /// The value of `Content-Type`, and the body.
    pub(super) fn encode(self) -> (String, Vec<u8>) {
        let boundary = self.boundary();
        let mut body = Vec::new();
        for (head, content) in self.0 {
            body.extend([b"--", boundary.as_bytes(), b"\r\n", head.as_bytes(), &content, b"\r\n"].concat());
        }
        body.extend([b"--", boundary.as_bytes(), b"--\r\n"].concat());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }

    /// One that is in no part.
    fn boundary(&self) -> String {
        let is_in_a_part = |boundary: &String| {
            let contents = self.0.iter().flat_map(|(head, content)| [head.as_bytes(), content]);
            contents.into_iter().any(|bytes| bytes.windows(boundary.len()).any(|bytes| bytes == boundary.as_bytes()))
        };
        let boundary = (0_u64..).map(|number| format!("----foobar-{number}")).find(|boundary| !is_in_a_part(boundary));
        boundary.expect("no form has that many parts")
    }
}

/// A name as browsers write it (the HTML standard, section 4.10.21.8).
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use actix_multipart::Multipart as Parts;
    use actix_web::web;
    use futures_util::TryStreamExt;

    use super::*;
    use crate::testing::Client;

    /// What a reader of such forms makes of each part: name, file name, media type and content.
    async fn read(mut parts: Parts) -> Result<web::Json<Vec<[String; 4]>>, actix_web::Error> {
        let mut read = Vec::new();
        while let Some(mut part) = parts.try_next().await? {
            let mut content = Vec::new();
            while let Some(piece) = part.try_next().await? {
                content.extend_from_slice(&piece);
            }
            let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
            let file_name = part.content_disposition().and_then(|disposition| disposition.get_filename());
            let kind = part.content_type().map(ToString::to_string);
            let content = String::from_utf8_lossy(&content).into_owned();
            read.push([text(part.name()), text(file_name), text(kind.as_deref()), content]);
        }
        Ok(web::Json(read))
    }

    async fn sent(form: Multipart) -> Vec<[String; 4]> {
        let app = crate::routes(|routes| _ = routes.route("/", web::post().to(read)));
        Client::new(app, None).await.post("/").multipart(form).await.json()
    }

    #[tokio::test]
    async fn text_and_files_arrive_in_their_order_with_names_and_types() {
        let form = Multipart::new().text("title", "Größe").file("picture", "ü.png", "image/png", "png").text("", "");
        let expected = [["title", "-", "-", "Größe"], ["picture", "ü.png", "image/png", "png"], ["", "-", "-", ""]];
        assert_eq!(sent(form).await, expected);
    }

    #[tokio::test]
    async fn content_that_looks_like_a_boundary_is_content() {
        let content = "\r\n------foobar-0\r\ncontent-disposition: form-data; name=\"b\"\r\n\r\n----foobar-1--";
        let form = Multipart::new().text("a", content).text("----foobar-2", "c");
        assert_eq!(sent(form).await, [["a", "-", "-", content], ["----foobar-2", "-", "-", "c"]]);
    }

    #[test]
    fn a_name_cannot_end_its_quotes_or_its_line() {
        let (_, body) = Multipart::new().file("a\"b\r\nc", "d\"e\n", "text/plain", "").encode();
        let body = String::from_utf8(body).expect("it is text");
        assert!(body.contains("form-data; name=\"a%22b%0D%0Ac\"; filename=\"d%22e%0A\"\r\n"), "{body}");
    }

    #[tokio::test]
    async fn a_form_without_fields_is_one() {
        assert_eq!(sent(Multipart::new()).await, [[""; 4]; 0]);
    }
}

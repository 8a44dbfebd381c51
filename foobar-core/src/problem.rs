use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::{Accept, HtmlText, RequestId, Response, ResponseBody};

/// An error as its client sees it: a problem detail (RFC 9457) for a program, a page for a browser.
///
/// It holds nothing internal: the status, a sentence meant for the client, and the request's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: Option<String>,
    retry_after: Option<u32>,
    members: Map<String, Value>,
}

impl Problem {
    /// The error of this status, without a detail.
    pub fn new(status: StatusCode) -> Self {
        Self { status, detail: None, retry_after: None, members: Map::new() }
    }

    /// Adds a sentence for the client: what is wrong with the request and what would be right.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds members for a program (RFC 9457 section 3.2), such as `errors`. `type`, `title` and `instance` take the
    /// place of what stands there by default; `status` and `detail` are what they are. A page shows none of them.
    #[must_use]
    pub fn members(mut self, members: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.members.extend(members);
        self
    }

    /// Adds `Retry-After`, in seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether it has a sentence for the client.
    pub const fn has_detail(&self) -> bool {
        self.detail.is_some()
    }

    /// The response: a page where the request's `Accept` names `text/html` at least as high as JSON,
    /// `application/problem+json` otherwise. Its extensions hold the problem, which tells it from an answer that the
    /// application wrote itself.
    pub fn response(&self, request: &HeaderMap, id: RequestId) -> Response {
        let page = Accept::of(request.get_all(ACCEPT).iter().map(HeaderValue::as_bytes)).prefers_page();
        let mut response = Response::new(ResponseBody::full(if page { self.page(id) } else { self.json(id) }));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(if page { HTML } else { JSON }));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self.clone());
        response
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error") // a status without a registered name
    }

    fn json(&self, id: RequestId) -> String {
        let mut problem = Map::new();
        problem.insert("type".to_owned(), "about:blank".into());
        problem.insert("title".to_owned(), self.title().into());
        problem.insert("instance".to_owned(), format!("urn:foobar:request:{id}").into());
        problem.extend(self.members.clone());
        problem.insert("status".to_owned(), self.status.as_u16().into());
        match &self.detail {
            Some(detail) => problem.insert("detail".to_owned(), detail.as_str().into()),
            None => problem.remove("detail"),
        };
        Value::Object(problem).to_string()
    }

    fn page(&self, id: RequestId) -> String {
        let (code, title) = (self.status.as_u16(), self.title());
        let detail = self.detail.as_ref().map(|text| format!("<p>{}</p>\n", HtmlText(text))).unwrap_or_default();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{code} {title}</title>\n\
             <style>{STYLE}</style>\n<main>\n<h1>{code} {title}</h1>\n{detail}<p><small>Request {id}</small></p>\n\
             </main>\n</html>\n"
        )
    }
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/problem+json";
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
const STYLE: &str = ":root{color-scheme:light dark;font-family:system-ui,sans-serif}\
                     main{max-width:40rem;margin:20vh auto;padding:0 1rem}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_beside_what_every_problem_has() {
        let members =
            [("errors", serde_json::json!({"name": ["is empty"]})), ("type", "https://foobar.com/empty".into())];
        let given = members.map(|(name, value)| (name.to_owned(), value));
        let wrong = [("status".to_owned(), 200.into()), ("detail".to_owned(), "never".into())];
        let id = RequestId::generate();
        let problem = Problem::new(StatusCode::BAD_REQUEST).members(given.into_iter().chain(wrong)).json(id);
        let expected = serde_json::json!({
            "type": "https://foobar.com/empty",
            "title": "Bad Request",
            "status": 400,
            "instance": format!("urn:foobar:request:{id}"),
            "errors": {"name": ["is empty"]},
        });
        assert_eq!(serde_json::from_str::<Value>(&problem).expect("it is JSON"), expected);
    }

    #[test]
    fn the_page_escapes_what_it_is_given() {
        let problem = Problem::new(StatusCode::BAD_REQUEST).detail("<script>\"&'");
        assert!(problem.page(RequestId::generate()).contains("<p>&lt;script&gt;&quot;&amp;&#39;</p>"));
    }
}

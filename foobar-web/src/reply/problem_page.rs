use std::pin::pin;
use std::rc::Rc;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use foobar_core::{Accept, DefaultFields, Problem, RequestId};
use http::header::{ACCEPT, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, StatusCode};
use http_body::Body;

/// The problems that a worker has shown, so that it shows them again without making them anew.
#[derive(Default)]
pub(crate) struct ProblemPages {
    pages: Vec<(StatusCode, Form, Rc<ProblemPage>)>,
    /// The last `Accept`, and what it wished: clients repeat themselves.
    wish: Option<(Vec<u8>, Form)>,
}

/// A problem as it is sent, but for the request's id.
pub(crate) struct ProblemPage {
    /// Its header fields as lines.
    pub(crate) fields: Vec<u8>,
    before: Bytes,
    after: Bytes,
}

/// What a problem is written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Page,
    Json,
}

impl ProblemPages {
    /// The problem of this status, without a detail, for a client that sent this `Accept`.
    pub(crate) fn of(&mut self, status: StatusCode, accept: Option<&[u8]>) -> Option<Rc<ProblemPage>> {
        let form = self.wished(accept);
        if let Some((.., page)) = self.pages.iter().find(|(known, of, _)| (*known, *of) == (status, form)) {
            return Some(page.clone());
        }
        let page = Rc::new(ProblemPage::new(status, form)?);
        self.pages.push((status, form, page.clone()));
        Some(page)
    }

    fn wished(&mut self, accept: Option<&[u8]>) -> Form {
        let Some(accept) = accept else { return Form::Json };
        match &self.wish {
            Some((known, form)) if known == accept => *form,
            _ => {
                let form = if Accept::of([accept]).prefers_page() { Form::Page } else { Form::Json };
                self.wish = Some((accept.to_owned(), form));
                form
            }
        }
    }
}

impl ProblemPage {
    /// `None` if the problem is not of the form that is known here.
    fn new(status: StatusCode, form: Form) -> Option<Self> {
        let accept = match form {
            Form::Page => HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/html"))]),
            Form::Json => HeaderMap::new(),
        };
        let id = RequestId::generate();
        let (parts, body) = Problem::new(status).response(&accept, id).into_parts();
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat()
        };
        let Poll::Ready(Some(Ok(frame))) = pin!(body).poll_frame(&mut Context::from_waker(Waker::noop())) else {
            return None;
        };
        let content = frame.into_data().ok()?; // it is one piece of data
        let at = memchr::memmem::find(&content, id.as_bytes())?;
        let after = content.slice(at + id.as_bytes().len()..);
        let fields = parts.headers.iter().flat_map(line).collect();
        Some(Self { fields, before: content.slice(..at), after })
    }

    /// The length of its content for the request of this id.
    pub(crate) fn length(&self, id: RequestId) -> usize {
        self.before.len() + id.as_bytes().len() + self.after.len()
    }

    /// Writes its content.
    pub(crate) fn put(&self, out: &mut Vec<u8>, id: RequestId) {
        out.extend_from_slice(&self.before);
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(&self.after);
    }
}

/// What an error of this server's own tells browsers to be careful with, as the application's do, unless a site says
/// something else.
pub(crate) static SAFE_FIELDS: LazyLock<DefaultFields> = LazyLock::new(|| {
    let fields = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    DefaultFields::new(fields.map(|(name, value)| (name, HeaderValue::from_static(value))))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_the_problem_itself_would_be() {
        for accept in [None, Some("text/html"), Some("application/json")] {
            let mut pages = ProblemPages::default();
            let page = pages.of(StatusCode::NOT_FOUND, accept.map(str::as_bytes)).expect("it has the known form");
            let id = RequestId::given(b"of-a-proxy").expect("it is plain");
            let mut content = Vec::new();
            page.put(&mut content, id);
            assert_eq!(content.len(), page.length(id));

            let headers = accept.map(|accept| (ACCEPT, HeaderValue::from_static(accept))).into_iter().collect();
            let (parts, body) = Problem::new(StatusCode::NOT_FOUND).response(&headers, id).into_parts();
            let frame = pin!(body).poll_frame(&mut Context::from_waker(Waker::noop()));
            let Poll::Ready(Some(Ok(frame))) = frame else { panic!("the problem is at hand") };
            assert_eq!(frame.into_data().expect("it is data"), content);
            let fields = String::from_utf8(page.fields.clone()).expect("fields are text");
            assert_eq!(fields.lines().count(), parts.headers.len());
            for (name, value) in &parts.headers {
                assert!(fields.contains(&format!("{name}: {}\r\n", value.to_str().expect("it is text"))), "{fields}");
            }
        }
    }
}

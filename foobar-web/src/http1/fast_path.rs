use std::borrow::Cow;
use std::rc::Rc;

use foobar_core::Scheme;
use http::header::STRICT_TRANSPORT_SECURITY;

use super::head::{Field, Noted};
use crate::reply::{ProblemPage, Reply};
use crate::request::{Asked, Fields, NormalPath, Verb};
use crate::site::{KnownHost, Site, Sites, TryReply};
use crate::worker::Worker;

/// Answers requests from the bytes of their heads, where the answer is ready: no request has to be made of them, and nothing is waited for.
///
/// It goes the same way as the [`Pipeline`](crate::pipeline::Pipeline), by the same functions, and leaves to it
/// whatever is not plain. One for each connection, as it remembers the last request's site.
pub(crate) struct FastPath {
    /// That of its requests; `None` where a trusted proxy says it of each.
    scheme: Option<Scheme>,
    /// The site by whose rules its TLS handshake went.
    tls_site: Option<usize>,
    known: Option<Rc<KnownHost>>,
}

/// An answer that is at hand.
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    /// The content of an error.
    pub(crate) page: Option<Rc<ProblemPage>>,
    /// Whether the client wants to go on using the connection.
    pub(crate) keeps: bool,
}

impl FastPath {
    /// That of a connection that has not had a request; `scheme` is `None` where a trusted proxy says it of each.
    pub(crate) const fn new(scheme: Option<Scheme>, tls_site: Option<usize>) -> Self {
        Self { scheme, tls_site, known: None }
    }

    /// Answers the request with this head, which has no content; `None` if it is for the pipeline.
    pub(crate) fn answer(&mut self, worker: &Worker, head: &[u8], noted: &Noted) -> Option<Answer> {
        let keeps = keeps(head, noted)?;
        let asked = asked(head, noted)?;
        let site = self.site(worker, noted.value(Field::Host, head), noted.minor)?;
        let scheme = self.scheme(&worker.pipeline.sites, site)?;
        if !worker.pipeline.sites.admits(self.tls_site, site) {
            return None; // the pipeline refuses it
        }
        let path = NormalPath::parse(asked.path).ok()?; // the pipeline refuses it
        let mut reply = find(site, &asked, path.as_bytes())?;
        let page = match reply.is_bare_error() {
            true if site.error_pages.covers(reply.status) => return None,
            true => Some(worker.desk.problems.borrow_mut().of(reply.status, asked.fields.accept.as_deref())?),
            false => None,
        };
        let hsts = site.hsts(scheme).filter(|_| !reply.says(&STRICT_TRANSPORT_SECURITY));
        reply.extra.extend(hsts.map(|hsts| (STRICT_TRANSPORT_SECURITY, hsts.clone())));
        Some(Answer { reply, page, keeps })
    }

    /// The scheme of a request that this site answers over it; `None` if the pipeline has to look.
    fn scheme(&self, sites: &Sites, site: &Site) -> Option<Scheme> {
        match self.scheme {
            Some(scheme) => (!sites.redirects(site, scheme)).then_some(scheme),
            None => (!sites.heeds_scheme(site)).then_some(Scheme::Http), // or HTTPS, which is the same there
        }
    }

    fn site<'a>(&mut self, worker: &'a Worker, host: Option<&[u8]>, minor: u8) -> Option<&'a Site> {
        let sites = &worker.pipeline.sites;
        let Some(host) = host else {
            return if minor == 0 { sites.serving(None).map(|site| sites.at(site)) } else { None };
        };
        let is_it = |known: &Rc<KnownHost>| known.is(host);
        if !self.known.as_ref().is_some_and(is_it) {
            let mut last = worker.desk.host.borrow_mut();
            if !last.as_ref().is_some_and(is_it) {
                *last = Some(Rc::new(KnownHost::find(sites, host)?)); // the pipeline refuses it
            }
            self.known.clone_from(&last);
        }
        self.known.as_ref().map(|known| sites.at(known.site))
    }
}

/// The answer to a request for a decoded path, where it is ready and the fast path knows all that its route asks for.
fn find(site: &Site, asked: &Asked<'_>, path: &[u8]) -> Option<Reply> {
    let route = site.routes.find(path);
    match route.is_fast.then(|| route.try_reply(asked, path))? {
        TryReply::Found(reply) => Some(reply),
        TryReply::App | TryReply::WouldBlock(_) => None,
    }
}

/// Whether the client wants to go on using the connection; `None` if the request is not plain.
fn keeps(head: &[u8], noted: &Noted) -> Option<bool> {
    let special = [Field::Expect, Field::Upgrade, Field::TransferEncoding];
    if !noted.is_plain() || special.iter().any(|field| noted.value(*field, head).is_some()) {
        return None;
    }
    match noted.value(Field::Connection, head) {
        None => Some(noted.minor == 1),
        Some(option) if option.eq_ignore_ascii_case(b"keep-alive") => Some(true),
        Some(option) if option.eq_ignore_ascii_case(b"close") => Some(false),
        Some(_) => None,
    }
}

fn asked<'a>(head: &'a [u8], noted: &Noted) -> Option<Asked<'a>> {
    let verb = match noted.method(head) {
        b"GET" => Verb::Get,
        b"HEAD" => Verb::Head,
        _ => return None,
    };
    let value = |field| noted.value(field, head).map(Cow::Borrowed);
    let fields = Fields {
        if_match: value(Field::IfMatch),
        if_none_match: value(Field::IfNoneMatch),
        if_modified_since: value(Field::IfModifiedSince),
        if_unmodified_since: value(Field::IfUnmodifiedSince),
        if_range: value(Field::IfRange),
        range: value(Field::Range),
        accept: value(Field::Accept),
        accept_encoding: value(Field::AcceptEncoding),
    };
    let text = |bytes| str::from_utf8(bytes).ok(); // a target in ASCII, so it is
    let path = text(noted.path(head))?;
    let query = noted.query(head).and_then(text);
    path.starts_with('/').then_some(Asked { verb, path, query, fields, origin: None })
}

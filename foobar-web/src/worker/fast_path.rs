use std::rc::Rc;

use foobar_core::{ConnectInfo, Scheme};
use http::header::STRICT_TRANSPORT_SECURITY;

use super::Worker;
use super::buffers::ScratchBuffers;
use crate::counters::RouteId;
use crate::net::TlsClient;
use crate::pipeline::Pipeline;
use crate::reply::{ProblemPage, Reply};
use crate::request::{NormalPath, RequestView};
use crate::site::{KnownHost, Site, Sites, TryReply};

/// Answers requests whose answer is ready, so that nothing is waited for.
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

/// An answer that is ready.
pub(crate) struct FastAnswer {
    pub(crate) reply: Reply,
    pub(crate) route: RouteId,
    /// The content of an error.
    pub(crate) page: Option<Rc<ProblemPage>>,
}

impl FastPath {
    /// That of a connection under the configuration of this worker.
    pub(crate) fn new(worker: &Worker, peer: &ConnectInfo, tls: Option<&TlsClient>) -> Self {
        let is_proxy = worker.pipeline.clients.is_proxy(peer.remote);
        Self { scheme: (!is_proxy).then_some(peer.scheme), tls_site: tls.map(|tls| tls.site), known: None }
    }

    /// Answers a request without content for this host, or for the default one; `None` if it is for the pipeline.
    pub(crate) fn answer(
        &mut self,
        pipeline: &Pipeline,
        buffers: &ScratchBuffers,
        host: Option<&[u8]>,
        asked: &RequestView<'_>,
    ) -> Option<FastAnswer> {
        if pipeline.door.is_in_maintenance() {
            return None; // the pipeline knows whom it keeps out
        }
        let sites = &*pipeline.sites;
        let site = self.site(sites, buffers, host)?;
        let scheme = self.scheme(sites, site)?;
        if !sites.admits(self.tls_site, site) || site.is_challenge(asked.path) {
            return None; // the pipeline refuses it, or knows the answer
        }
        let path = NormalPath::parse(asked.path).ok()?; // the pipeline refuses it
        let (mut reply, route) = find(site, asked, path.as_bytes())?;
        let page = match reply.is_bare_error() {
            true if site.error_pages.covers(reply.status) => return None,
            true => Some(buffers.problems.borrow_mut().of(reply.status, asked.fields.accept.as_deref())?),
            false => None,
        };
        let hsts = site.hsts(scheme).filter(|_| !reply.says(&STRICT_TRANSPORT_SECURITY));
        reply.extra.extend(hsts.map(|hsts| (STRICT_TRANSPORT_SECURITY, hsts.clone())));
        Some(FastAnswer { reply, route, page })
    }

    /// The scheme of a request that this site answers over it; `None` if the pipeline has to look.
    fn scheme(&self, sites: &Sites, site: &Site) -> Option<Scheme> {
        match self.scheme {
            Some(scheme) => (!sites.redirects(site, scheme)).then_some(scheme),
            None => (!sites.heeds_scheme(site)).then_some(Scheme::Http), // or HTTPS, which is the same there
        }
    }

    fn site<'a>(&mut self, sites: &'a Sites, buffers: &ScratchBuffers, host: Option<&[u8]>) -> Option<&'a Site> {
        let Some(host) = host else { return sites.serving(None).map(|site| sites.at(site)) };
        let is_it = |known: &Rc<KnownHost>| known.is(host);
        if !self.known.as_ref().is_some_and(is_it) {
            let mut last = buffers.host.borrow_mut();
            if !last.as_ref().is_some_and(is_it) {
                *last = Some(Rc::new(KnownHost::find(sites, host)?)); // the pipeline refuses it
            }
            self.known.clone_from(&last);
        }
        self.known.as_ref().map(|known| sites.at(known.site))
    }
}

/// The answer to a request for a decoded path and its route, where it is ready and the fast path knows all that the route
/// asks for.
fn find(site: &Site, asked: &RequestView<'_>, path: &[u8]) -> Option<(Reply, RouteId)> {
    let route = site.routes.find(path);
    match route.is_fast.then(|| route.try_reply(asked, path))? {
        TryReply::Found(reply) => Some((reply, route.id)),
        TryReply::App | TryReply::WouldBlock(_) => None,
    }
}

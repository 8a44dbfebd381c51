use std::cell::OnceCell;

use http::Extensions;

use crate::{
    Assets, ClientAbort, ClientCertificate, ConnectInfo, EarlyHints, RequestId, RoutePattern, Scheme, Upgrade,
};

/// What the web tier knows of a request besides HTTP, and what it likes to hear of it.
///
/// [`Handler::handle_with`](crate::Handler::handle_with) is given it in one piece. A handler that has
/// [`handle`](crate::Handler::handle) alone finds each part in the extensions of its request.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// Its name in the response and in the log.
    pub id: RequestId,
    /// Where it came from; `None` where nobody says.
    pub connection: Option<ConnectInfo>,
    /// What becomes of its handler when its client goes; `None` where that makes no difference.
    pub abort: Option<ClientAbort>,
    /// Over HTTP/1.1 and HTTP/2.
    pub hints: Option<EarlyHints>,
    /// The files of its site.
    pub assets: Option<Assets>,
    /// By which its client has shown who it is.
    pub certificate: Option<ClientCertificate>,
    /// Where its client has asked to switch protocols.
    pub upgrade: Option<Upgrade>,
    /// By which pattern of its own the handler has found it. The handler may say it here, or as an extension of its
    /// response.
    pub pattern: OnceCell<RoutePattern>,
}

impl RequestInfo {
    /// What a request with these extensions brings with it. One without an id has a new one.
    pub fn of(request: &mut Extensions) -> Self {
        Self {
            id: *request.get_or_insert_with(RequestId::generate),
            connection: request.get().copied(),
            abort: request.get().cloned(),
            hints: request.get().cloned(),
            assets: request.get().cloned(),
            certificate: request.get().cloned(),
            upgrade: request.get().cloned(),
            pattern: OnceCell::new(),
        }
    }

    /// Makes each part an extension of its request.
    pub fn put_into(&self, request: &mut Extensions) {
        request.insert(self.id);
        put(request, self.connection.as_ref());
        put(request, self.abort.as_ref());
        put(request, self.hints.as_ref());
        put(request, self.assets.as_ref());
        put(request, self.certificate.as_ref());
        put(request, self.upgrade.as_ref());
    }

    /// How the client speaks to the server: `http` where nobody says.
    pub fn scheme(&self) -> Scheme {
        self.connection.map_or(Scheme::Http, |connection| connection.scheme)
    }
}

fn put<T: Clone + Send + Sync + 'static>(request: &mut Extensions, part: Option<&T>) {
    if let Some(part) = part {
        request.insert(part.clone());
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn each_part_is_an_extension_of_its_own_and_comes_back_from_there() {
        let mut extensions = Extensions::new();
        let bare = RequestInfo::of(&mut extensions);
        assert_eq!(extensions.get(), Some(&bare.id));
        assert_eq!((bare.connection, bare.scheme()), (None, Scheme::Http));
        let connection = ConnectInfo { remote: None, local: None, scheme: Scheme::Https };
        let whole = RequestInfo {
            connection: Some(connection),
            abort: Some(ClientAbort::of(&Method::POST)),
            hints: Some(EarlyHints::default()),
            assets: Some(Assets::new(|name| Ok(name.to_owned()))),
            certificate: Some(ClientCertificate::new(Vec::new(), "CN=Ann".to_owned())),
            upgrade: Some(Upgrade::new(std::future::pending())),
            ..bare
        };
        whole.put_into(&mut extensions);
        let again = RequestInfo::of(&mut extensions);
        assert_eq!((again.id, again.scheme(), again.connection), (whole.id, Scheme::Https, Some(connection)));
        assert!(again.abort.is_some_and(|abort| abort.runs_to_end()));
        assert!(again.hints.is_some() && again.assets.is_some() && again.upgrade.is_some());
        assert_eq!(again.certificate, whole.certificate);
    }
}

use foobar_core::{RequestId, RoutePattern};

/// The request for which a call is made.
pub(crate) struct Caller {
    pub(super) request: RequestId,
    route: Option<RoutePattern>,
}

impl Caller {
    pub(crate) const fn new(request: RequestId, route: Option<RoutePattern>) -> Self {
        Self { request, route }
    }

    /// The pattern by which its handler was found.
    pub(super) fn route(&self) -> Option<&str> {
        self.route.as_ref().map(RoutePattern::as_str)
    }
}

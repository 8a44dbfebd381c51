use std::borrow::Cow;

/// By which pattern of its own a handler has found a request, such as `/user/{id}`: an extension of its response, by
/// which the durations of requests are told apart in `/metrics`.
///
/// It is written in the program and never made of what a client sends: there is room for a limited number of them, and
/// the rest counts as `other`. An application on actix-web gives them by itself. A service says it where it likes to,
/// in axum by a layer that makes one of the request's `MatchedPath`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern(Cow<'static, str>);

impl RoutePattern {
    /// As it was written.
    pub fn new(pattern: impl Into<Cow<'static, str>>) -> Self {
        Self(pattern.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

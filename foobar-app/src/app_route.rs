use http::Method;

/// A route of an application, for whoever asks what there is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppRoute {
    /// Its pattern, such as `/user/{id}`.
    pub path: String,
    /// The methods that it asks for; none where it takes any, or guards of its own decide.
    pub methods: Vec<Method>,
}

impl AppRoute {
    /// A route of this pattern.
    pub fn new(path: impl Into<String>, methods: impl IntoIterator<Item = Method>) -> Self {
        Self { path: path.into(), methods: methods.into_iter().collect() }
    }
}

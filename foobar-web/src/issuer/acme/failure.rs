use foobar_core::Chain;

/// Why there is no certificate.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) message: String,
    /// The names that the authority has refused, as far as it has said so.
    pub(super) refused: Vec<String>,
    /// Whether the authority does not know the account.
    pub(super) is_unknown_account: bool,
    /// Whether it may not take an order of the account, or not with its key.
    pub(super) is_refused_account: bool,
}

impl Failure {
    pub(super) const fn new(message: String) -> Self {
        Self { message, refused: Vec::new(), is_unknown_account: false, is_refused_account: false }
    }

    /// What an authority says of an order for these names.
    pub(super) fn of(error: &instant_acme::Error, names: &[String]) -> Self {
        let message = Chain(error).to_string();
        let instant_acme::Error::Api(problem) = error else { return Self::new(message) };
        let is = |kind: &str| problem.r#type.as_deref().is_some_and(|found| found.ends_with(kind));
        let is_about = |name: &&String| {
            let told = problem.subproblems.iter().filter_map(|problem| problem.identifier.as_ref());
            let quoted = format!("\"{name}\"");
            told.map(|told| told.authorized(false).to_string()).any(|told| told == **name)
                || problem.detail.as_ref().is_some_and(|detail| detail.contains(&quoted))
        };
        let may_be_one = is(":rejectedIdentifier") || is(":caa") || is(":dns") || is(":compound");
        let refused = names.iter().filter(|_| may_be_one).filter(is_about).cloned().collect();
        Self { refused, is_unknown_account: is(":accountDoesNotExist"), ..Self::new(message) }
    }

    /// What it says of an order that it does not take.
    pub(super) fn of_order(error: &instant_acme::Error, names: &[String]) -> Self {
        let (kind, detail) = match error {
            instant_acme::Error::Api(problem) => (problem.r#type.as_deref(), problem.detail.as_deref()),
            _ => (None, None),
        };
        let is_of_key = |detail: &str| detail.contains("JWS") || detail.contains("signature");
        let is_refused_account = kind.is_some_and(|kind| {
            kind.ends_with(":unauthorized") || kind.ends_with(":malformed") && detail.is_some_and(is_of_key)
        });
        Self { is_refused_account, ..Self::of(error, names) }
    }
}

impl From<Failure> for crate::Error {
    fn from(failure: Failure) -> Self {
        Self::Certificates(failure.message)
    }
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        Self::new(Chain(&error).to_string())
    }
}

impl From<instant_acme::Error> for Failure {
    fn from(error: instant_acme::Error) -> Self {
        Self::of(&error, &[])
    }
}

impl From<rcgen::Error> for Failure {
    fn from(error: rcgen::Error) -> Self {
        Self::new(format!("a key or a request cannot be made: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_closed_or_has_another_key_is_told_from_a_request_that_is_wrong() {
        for (kind, detail, is_refused) in [
            ("unauthorized", "Account is not valid, has status \"deactivated\"", true),
            ("malformed", "JWS verification error", true),
            ("malformed", "The request has no identifiers", false),
            ("rateLimited", "too many", false),
        ] {
            let problem = serde_json::json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail });
            let error = instant_acme::Error::Api(serde_json::from_value(problem).unwrap());
            assert_eq!(Failure::of_order(&error, &[]).is_refused_account, is_refused, "{kind} {detail}");
        }
    }
}

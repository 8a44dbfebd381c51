use instant_acme::{Error, Problem};

/// Does a step of an order, and again while the authority refuses the number that it has given for it (nonce): it forgets
/// these after a while, and has done nothing then. The library does each step three times by itself.
macro_rules! repeated {
    ($step:expr) => {{
        let mut left = $crate::issuer::acme::repeated::MOST;
        loop {
            match $step.await {
                Err(error) if left > 0 && $crate::issuer::acme::repeated::is_bad_nonce(&error) => left -= 1,
                done => break done,
            }
        }
    }};
}

pub(super) use repeated;

/// Whether the authority has refused a step for its number alone.
pub(super) fn is_bad_nonce(error: &Error) -> bool {
    const KIND: &str = "urn:ietf:params:acme:error:badNonce";
    matches!(error, Error::Api(Problem { r#type: Some(kind), .. }) if kind == KIND)
}

/// How often a step is repeated.
pub(super) const MOST: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str) -> Error {
        serde_json::from_str(&format!("{{\"type\":\"urn:ietf:params:acme:error:{kind}\"}}")).map(Error::Api).unwrap()
    }

    /// How often a step was done that fails so, or succeeds at the time of this number, and whether it has.
    async fn done(kind: &str, succeeds_at: u32) -> (u32, bool) {
        let mut times = 0;
        let mut step = async || {
            times += 1;
            if times == succeeds_at { Ok(()) } else { Err(problem(kind)) }
        };
        let is_ok = repeated!(step()).is_ok();
        (times, is_ok)
    }

    #[tokio::test]
    async fn a_step_whose_nonce_is_refused_is_done_again_a_few_times() {
        assert_eq!(done("badNonce", 1).await, (1, true));
        assert_eq!(done("badNonce", 4).await, (4, true));
        assert_eq!(done("badNonce", 100).await, (MOST + 1, false));
    }

    #[tokio::test]
    async fn a_step_that_fails_otherwise_is_not_done_again() {
        assert_eq!(done("rateLimited", 2).await, (1, false));
    }
}

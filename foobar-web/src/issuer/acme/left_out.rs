use super::failure::Failure;

/// The names that an order is without, because the authority refuses them, and its reasons.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    names: Vec<String>,
    reasons: Vec<String>,
}

impl LeftOut {
    /// Those that were refused before, for this reason.
    pub(super) fn known(names: &[String], reason: Option<&String>) -> Self {
        Self { names: names.to_vec(), reasons: reason.into_iter().cloned().collect() }
    }

    /// What an order is for.
    pub(super) fn others(&self, names: &[String]) -> Vec<String> {
        names.iter().filter(|name| !self.names.contains(name)).cloned().collect()
    }

    /// Notes what the authority has refused now.
    pub(super) fn add(&mut self, failure: &Failure) {
        self.names
            .extend(failure.refused.iter().filter(|name| !self.names.contains(name)).cloned().collect::<Vec<_>>());
        self.reasons.push(failure.message.clone());
    }

    /// The names, and why.
    pub(super) fn told(self) -> (Vec<String>, Option<String>) {
        let why = (!self.names.is_empty()).then(|| self.reasons.join("; "));
        (self.names, why)
    }

    /// There is no certificate after all: the last failure, with the names and the reasons of those before. Where it names
    /// nobody, none of them need be at fault.
    pub(super) fn failure(mut self, mut last: Failure) -> Failure {
        self.add(&last);
        last.message = self.reasons.join("; ");
        if !last.refused.is_empty() {
            last.refused = self.names;
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn refusal(refused: &[&str], message: &str) -> Failure {
        Failure { refused: names(refused), ..Failure::new(message.to_owned()) }
    }

    #[test]
    fn names_that_are_refused_one_after_the_other_are_left_out_together() {
        let mut left_out = LeftOut::default();
        left_out.add(&refusal(&["b.test"], "blocked"));
        left_out.add(&refusal(&["c.test", "b.test"], "elsewhere"));
        assert_eq!(left_out.others(&names(&["a.test", "b.test", "c.test"])), ["a.test"]);
        assert_eq!(left_out.told(), (names(&["b.test", "c.test"]), Some("blocked; elsewhere".to_owned())));
    }

    #[test]
    fn a_failure_tells_all_reasons_and_all_names_unless_the_last_one_names_nobody() {
        for (last, refused) in [(&["d.test"][..], &["b.test", "c.test", "d.test"][..]), (&[], &[])] {
            let mut left_out = LeftOut::known(&names(&["b.test"]), Some(&"blocked".to_owned()));
            left_out.add(&refusal(&["c.test"], "elsewhere"));
            let failure = left_out.failure(refusal(last, "no"));
            assert_eq!((failure.refused, failure.message.as_str()), (names(refused), "blocked; elsewhere; no"));
        }
    }

    #[test]
    fn where_nothing_is_left_out_there_is_no_reason() {
        assert_eq!(LeftOut::default().told(), (Vec::new(), None));
    }
}

use http::{HeaderMap, HeaderName};

/// What a client says of the importance of an answer (RFC 9218).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Priority {
    /// 0 is the most important, 7 the least.
    pub(super) urgency: u8,
    /// A part of the answer is of use before the rest has come.
    pub(super) is_incremental: bool,
}

const FIELD: HeaderName = HeaderName::from_static("priority");
const LEAST_URGENT: u8 = 7;

impl Priority {
    /// Of a client that says nothing. RFC 9218 would have its answers sent one after the other; but many answers of those
    /// clients, among them proxies, are for somebody who waits, and a long one must not hold up the rest.
    pub(super) const UNKNOWN: Self = Self { urgency: Self::USUAL.urgency, is_incremental: true };
    /// Where a client leaves out what is usual.
    const USUAL: Self = Self { urgency: 3, is_incremental: false };

    /// That of a request with these fields. What is not understood counts as not said (RFC 9218 §4).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(FIELD).iter().peekable();
        if values.peek().is_none() {
            return Self::UNKNOWN;
        }
        let mut priority = Self::USUAL;
        for member in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
            priority.take(member.split(';').next().unwrap_or_default().trim()); // the first of a split is always there
        }
        priority
    }

    /// Takes a member of the dictionary, without its parameters (RFC 8941 §3.2).
    fn take(&mut self, member: &str) {
        match member.split_once('=') {
            Some(("u", urgency)) => {
                if let Ok(urgency @ ..=LEAST_URGENT) = urgency.parse() {
                    self.urgency = urgency;
                }
            }
            Some(("i", "?0")) => self.is_incremental = false,
            Some(("i", "?1")) => self.is_incremental = true,
            None if member == "i" => self.is_incremental = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&[u8]]) -> (u8, bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(FIELD, http::HeaderValue::from_bytes(value).unwrap());
        }
        let Priority { urgency, is_incremental } = Priority::of(&headers);
        (urgency, is_incremental)
    }

    #[test]
    fn a_client_says_how_urgent_an_answer_is_and_whether_parts_of_it_are_of_use() {
        assert_eq!(of(&[b"u=0"]), (0, false));
        assert_eq!(of(&[b"u=5, i"]), (5, true));
        assert_eq!(of(&[b"i=?1,u=7"]), (7, true));
        assert_eq!(of(&[b"i;x=1, u=2;y, i=?0"]), (2, false), "the last counts");
        assert_eq!(of(&[b"u=1", b"i"]), (1, true), "several lines are one dictionary");
    }

    #[test]
    fn what_is_not_understood_is_as_if_it_was_not_said() {
        for value in ["", "u=8", "u=-1", "u=+", "u", "u=1.5", "u=99999999999", "U=1", "i=1", "x", ",,;=", "u==1"] {
            assert_eq!(of(&[value.as_bytes()]), (3, false), "{value}");
        }
        assert_eq!(of(&[b"\xff", b"u=1"]), (1, false));
    }

    #[test]
    fn a_client_that_says_nothing_wants_its_answers_beside_each_other() {
        assert_eq!(of(&[]), (3, true));
    }
}

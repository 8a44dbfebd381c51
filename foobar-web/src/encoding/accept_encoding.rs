use super::{Coding, PerCoding};

/// What a client says of content codings (RFC 9110 §12.5.3).
///
/// Weights are in thousandths; 0 refuses. Elements that are malformed count as if they were not there, of an element
/// that comes twice the last counts, and only the first 64 are looked at: nobody needs more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct AcceptEncoding {
    codings: PerCoding<Option<u16>>,
    identity: Option<u16>,
    /// `*`: every coding that is not named.
    others: Option<u16>,
}

const MOST: usize = 64;

impl AcceptEncoding {
    /// Parses the value of the field; a list that came in several fields is one list.
    pub(crate) fn parse(list: &[u8]) -> Self {
        let mut accepted = Self::default();
        list.split(|byte| *byte == b',').take(MOST).filter_map(element).for_each(|(name, weight)| {
            match (name, Coding::named(name)) {
                (_, Some(coding)) => accepted.codings.set(coding, Some(weight)),
                (b"*", None) => accepted.others = Some(weight),
                _ if name.eq_ignore_ascii_case(b"identity") => accepted.identity = Some(weight),
                _ => {}
            }
        });
        accepted
    }

    /// The best of the codings that are offered; `None` for none at all (identity).
    ///
    /// The highest weight wins; of equal ones the coding that the server prefers, and identity last: a client that
    /// names a coding wants it. Where nothing that is offered is acceptable, identity is sent nevertheless: better
    /// than 406, and what other servers do.
    pub(crate) fn choose(&self, offered: impl Fn(Coding) -> bool) -> Option<Coding> {
        // An identity that nothing is said of is acceptable, but any coding is better.
        let mut best = (self.identity.or(self.others).unwrap_or(0), None);
        for coding in Coding::ALL.into_iter().filter(|coding| offered(*coding)) {
            let weight = self.codings.get(coding).or(self.others).unwrap_or(0); // neither named nor meant by `*`
            if weight > best.0 || (weight == best.0 && weight > 0 && best.1.is_none()) {
                best = (weight, Some(coding));
            }
        }
        best.1
    }
}

/// The name and the weight of a list's element; `None` if it is malformed.
fn element(element: &[u8]) -> Option<(&[u8], u16)> {
    match element.iter().position(|byte| *byte == b';') {
        None => Some((element.trim_ascii(), 1000)),
        Some(mark) => Some((element[..mark].trim_ascii(), weight(element[mark + 1..].trim_ascii())?)),
    }
}

/// `q=` and a number from 0 to 1 with up to three decimals (RFC 9110 §12.4.2), in thousandths.
fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', whole @ (b'0' | b'1'), decimals @ ..] = parameter else { return None };
    let decimals = match decimals {
        [] => decimals,
        [b'.', decimals @ ..] if decimals.len() <= 3 => decimals,
        _ => return None,
    };
    let mut weight = u16::from(whole - b'0');
    for place in 0..3 {
        let digit = decimals.get(place).unwrap_or(&b'0'); // "0.5" is "0.500"
        weight = weight * 10 + digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::Coding::{Brotli, Gzip, Zstd};
    use super::*;

    const ALL: &[Coding] = &Coding::ALL;

    fn choose(list: &[u8], offered: &[Coding]) -> Option<Coding> {
        AcceptEncoding::parse(list).choose(|coding| offered.contains(&coding))
    }

    #[test]
    fn the_highest_weight_wins_and_of_equal_ones_the_servers_preference() {
        let cases: &[(&str, &[Coding], Option<Coding>)] = &[
            ("gzip, deflate, br, zstd", ALL, Some(Brotli)),
            ("gzip, deflate, br, zstd", &[Zstd, Gzip], Some(Zstd)),
            ("gzip, deflate, br, zstd", &[Gzip], Some(Gzip)),
            ("gzip, deflate, br, zstd", &[], None),
            ("gzip", ALL, Some(Gzip)),
            ("gzip", &[Brotli, Zstd], None),
            ("deflate", ALL, None),
            ("GZip", ALL, Some(Gzip)),
            ("x-gzip", ALL, Some(Gzip)),
            ("gzip;q=0.9, br;q=0.8", ALL, Some(Gzip)),
            ("gzip;q=0.8, br;q=0.800", ALL, Some(Brotli)),
            ("gzip;q=0.001", ALL, Some(Gzip)),
            ("gzip;q=1.000, br;q=0.999", ALL, Some(Gzip)),
            ("gzip;q=0", ALL, None),
            ("gzip;q=0.000, zstd;q=0.1", ALL, Some(Zstd)),
            ("br;q=1, gzip;q=1", &[Gzip], Some(Gzip)),
        ];
        for (list, offered, expected) in cases {
            assert_eq!(choose(list.as_bytes(), offered), *expected, "{list:?} of {offered:?}");
        }
    }

    #[test]
    fn a_star_stands_for_every_coding_that_is_not_named() {
        let cases: &[(&str, Option<Coding>)] = &[
            ("*", Some(Brotli)),
            ("*;q=0", None),
            ("*;q=0.5, gzip", Some(Gzip)),
            ("gzip;q=0.5, *;q=0", Some(Gzip)),
            ("br;q=0, *", Some(Zstd)),
            ("br;q=0, zstd;q=0, gzip;q=0, *", None),
            ("identity;q=0, *", Some(Brotli)),
        ];
        for (list, expected) in cases {
            assert_eq!(choose(list.as_bytes(), ALL), *expected, "{list:?}");
        }
    }

    #[test]
    fn identity_wins_only_where_it_is_preferred() {
        let cases: &[(&str, &[Coding], Option<Coding>)] = &[
            ("identity", ALL, None),
            ("identity, gzip", ALL, Some(Gzip)),
            ("identity;q=1, gzip;q=0.5", ALL, None),
            ("identity;q=0.5, gzip;q=0.6", ALL, Some(Gzip)),
            ("gzip;q=0.1, *;q=0.5", &[Gzip], None),
            // Nothing is acceptable.
            ("identity;q=0", &[], None),
            ("identity;q=0, br", &[Gzip], None),
            ("*;q=0, identity;q=0", ALL, None),
        ];
        for (list, offered, expected) in cases {
            assert_eq!(choose(list.as_bytes(), offered), *expected, "{list:?} of {offered:?}");
        }
    }

    #[test]
    fn what_is_malformed_counts_as_if_it_were_not_there() {
        let cases: &[(&str, Option<Coding>)] = &[
            ("", None),
            (",,, ,", None),
            (" ,gzip,, ", Some(Gzip)),
            ("\tgzip\t;\tq=0.5\t", Some(Gzip)),
            ("gzip;Q=0.5", Some(Gzip)),
            ("gzip;q=1., br;q=2", Some(Gzip)),
            ("gzip;q=0., br;q=2", None),
            ("gzip;", None),
            ("gzip;q", None),
            ("gzip;q=", None),
            ("gzip;q=.5", None),
            ("gzip;q=1.001", None),
            ("gzip;q=0.1234", None),
            ("gzip;q=-1", None),
            ("gzip;q=+1", None),
            ("gzip;q=1e0", None),
            ("gzip;q=0.5x", None),
            ("gzip;q =1", None),
            ("gzip;q=0.5;q=1", None),
            ("gzip;level=9", None),
            ("gzip br", None),
            ("\"gzip\"", None),
            ("gzi", None),
            ("gzipp", None),
            ("br;q=nan, gzip", Some(Gzip)),
        ];
        for (list, expected) in cases {
            assert_eq!(choose(list.as_bytes(), ALL), *expected, "{list:?}");
        }
        assert_eq!(choose(b"\xff\x00, gzip", ALL), Some(Gzip));
    }

    #[test]
    fn of_a_coding_that_comes_twice_the_last_counts() {
        assert_eq!(choose(b"gzip, br, br;q=0", ALL), Some(Gzip));
        assert_eq!(choose(b"gzip;q=0, x-gzip", ALL), Some(Gzip));
    }

    #[test]
    fn a_list_without_end_is_looked_at_only_at_its_beginning() {
        let first = "gzip;q=0.5,".repeat(MOST);
        assert_eq!(choose(format!("{first}{}", "br,".repeat(10_000)).as_bytes(), ALL), Some(Gzip));
    }
}

//! Names as the configuration has them.

use hickory_proto::rr::{Name, RecordType};

/// The name of a host or a zone, absolute; `None` if it is none. Letters beyond ASCII are written as DNS has them (IDNA).
pub(super) fn host(text: &str) -> Option<Name> {
    let ascii = idna::domain_to_ascii(text.trim_end_matches('.')).ok()?; // the caller says what is accepted
    let is_label = |label: &str| {
        let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        letters && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let top = ascii.rsplit('.').next()?;
    let is_address = top.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = ascii.split('.').all(is_label) && !is_address;
    let mut name = is_host.then(|| Name::from_ascii(&ascii).ok()).flatten()?; // too long
    name.set_fqdn(true);
    Some(name)
}

/// One of a site, which may begin with a star.
pub(super) fn absolute(name: &str) -> Option<Name> {
    match name.strip_prefix("*.") {
        Some(bare) => host(bare)?.prepend_label("*").ok(), // it is too long to be asked for
        None => host(name),
    }
}

/// The mail address as a name (RFC 1035, section 8): `a.b@foobar.com` is `a\.b.foobar.com.`
pub(super) fn mailbox(address: &str) -> Option<Name> {
    let (local, domain) = address.split_once('@')?;
    let is_plain = local.bytes().all(|byte| byte.is_ascii_graphic());
    let domain = host(domain).filter(|_| is_plain && !local.is_empty())?;
    domain.prepend_label(local.as_bytes()).ok() // too long
}

/// As the configuration has it, without the dot at its end.
pub(super) fn shown(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

/// Whether records of this type are those of a host.
pub(super) const fn is_address(kind: RecordType) -> bool {
    matches!(kind, RecordType::A | RecordType::AAAA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_labels_of_letters_digits_and_hyphens() {
        for (text, expected) in
            [("Foobar.com", "foobar.com."), ("a-1.b.", "a-1.b."), ("bücher.de", "xn--bcher-kva.de.")]
        {
            assert_eq!(host(text).map(|name| name.to_ascii()).as_deref(), Some(expected));
        }
        let long = "a".repeat(64);
        for text in
            ["", ".", "a..b", "-a.b", "a-.b", "a_b.c", "a b", "*.a.b", "192.0.2.1", "::1", "[::1]", &long, "@", "a/b"]
        {
            assert_eq!(host(text), None, "{text}");
        }
        let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(63)].join(".");
        assert_eq!(host(&longest), None);
    }

    #[test]
    fn the_dots_of_a_mailbox_are_no_labels() {
        assert_eq!(mailbox("a.b@foobar.com").unwrap().to_ascii(), "a\\.b.foobar.com.");
        for text in ["foobar.com", "@foobar.com", "a@", "a b@foobar.com", "a@b@c.de"] {
            assert_eq!(mailbox(text), None, "{text}");
        }
    }
}

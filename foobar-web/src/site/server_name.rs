use std::borrow::Cow;

use serde::Deserialize;

use crate::request::Host;

/// A name to answer to: exact (`foobar.com`), `*.foobar.com` or `www.foobar.*`, in any case. A name in letters beyond
/// ASCII is the one that browsers send for it (IDNA): `bücher.de` is `xn--bcher-kva.de`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerName {
    pub(super) form: Form,
    /// What there is besides the star, in lower case.
    pub(super) bare: String,
}

/// Where a name has its star.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Exact,
    Leading,
    Trailing,
}

impl ServerName {
    /// The name as it was written, or what is accepted.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (form, bare) = if let Some(bare) = text.strip_prefix("*.") {
            (Form::Leading, bare)
        } else if let Some(bare) = text.strip_suffix(".*") {
            (Form::Trailing, bare)
        } else {
            (Form::Exact, text)
        };
        let bare = to_ascii(bare).and_then(|bare| {
            let host = Host::parse(&bare).ok().filter(|host| host.port.is_none())?; // no host: refused below
            Some(host.name.into_owned())
        });
        bare.map(|bare| Self { form, bare }).ok_or_else(|| format!("{text:?} is no name; write {}", form_of(text)))
    }

    /// The name as certificates have it, an address without brackets; `None` of one with a star at its end.
    pub(super) fn in_certificates(&self) -> Option<String> {
        match self.form {
            Form::Exact => Some(self.bare.trim_matches(['[', ']']).to_owned()),
            Form::Leading => Some(format!("*.{}", self.bare)),
            Form::Trailing => None,
        }
    }

    /// Whether this name, in lower case and without a port, is meant.
    pub fn is(&self, name: &str) -> bool {
        let rest = match self.form {
            Form::Exact => return name == self.bare,
            Form::Leading => name.strip_suffix(&self.bare).and_then(|rest| rest.strip_suffix('.')),
            Form::Trailing => name.strip_prefix(&self.bare).and_then(|rest| rest.strip_prefix('.')),
        };
        rest.is_some_and(|rest| !rest.is_empty())
    }
}

impl TryFrom<String> for ServerName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

/// How a name is written; where there are several in one text, as in nginx, how a list is.
fn form_of(text: &str) -> String {
    let names: Vec<&str> = text.split_whitespace().collect();
    match names.len() {
        0 | 1 => "\"foobar.com\", \"*.foobar.com\" or \"www.foobar.*\"".to_owned(),
        _ => format!("a list: {names:?}"),
    }
}

/// `None` where no name can be made of it.
fn to_ascii(name: &str) -> Option<Cow<'_, str>> {
    // The caller says what is wrong.
    if name.is_ascii() { Some(Cow::Borrowed(name)) } else { idna::domain_to_ascii(name).ok().map(Cow::Owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(name: &str, host: &str) -> bool {
        ServerName::parse(name).unwrap().is(host)
    }

    #[test]
    fn a_name_is_exact_or_has_a_star_in_the_place_of_labels_at_one_end() {
        assert!(is("Foobar.com.", "foobar.com") && !is("foobar.com", "www.foobar.com"));
        assert!(is("*.foobar.com", "a.b.foobar.com") && !is("*.foobar.com", "foobar.com"));
        assert!(!is("*.foobar.com", "xfoobar.com") && !is("*.foobar.com", ".foobar.com"));
        assert!(is("www.foobar.*", "www.foobar.co.uk") && !is("www.foobar.*", "www.foobar"));
        assert!(is("[0:0::1]", "[::1]"));
    }

    #[test]
    fn a_name_may_be_written_in_its_own_letters() {
        for written in ["Bücher.de", "BÜCHER.DE", "xn--bcher-kva.de", "b\u{75}\u{308}cher.de"] {
            assert!(is(written, "xn--bcher-kva.de"), "{written}");
        }
        assert!(is("*.日本.jp", "www.xn--wgv71a.jp") && is("www.бук.*", "www.xn--90as0a.com"));
        assert!(is("straße.de", "xn--strae-oqa.de"));
    }

    #[test]
    fn what_is_no_name_is_refused_with_what_is_accepted() {
        for bad in ["", "*", "*.", ".*", "a:80", "http://a", "a..b", "a.*.b", "*.a.*", "a/b", "\u{200b}", "ü:80"] {
            let error = ServerName::parse(bad).expect_err(bad);
            assert!(error.contains("\"*.foobar.com\""), "{error}");
        }
        let several = ServerName::parse("ü ü.de").unwrap_err();
        assert!(several.ends_with("write a list: [\"ü\", \"ü.de\"]"), "{several}");
    }
}

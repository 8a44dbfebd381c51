//! The rules for what people write.

use foobar::garde;

/// Something other than blanks.
pub(crate) fn is_written(text: &str, _: &()) -> garde::Result {
    if text.trim().is_empty() { Err(garde::Error::new("is required")) } else { Ok(()) }
}

/// Anything: blanks may be a password.
pub(crate) fn is_given(text: &str, _: &()) -> garde::Result {
    if text.is_empty() { Err(garde::Error::new("is required")) } else { Ok(()) }
}

/// Nothing that cannot be seen, but for line ends and tabs.
pub(crate) fn is_plain(text: &str, _: &()) -> garde::Result {
    let is_hidden = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
    if text.chars().any(is_hidden) { Err(garde::Error::new("contains a control character")) } else { Ok(()) }
}

/// One line of it.
pub(crate) fn is_line(text: &str, _: &()) -> garde::Result {
    if text.contains(char::is_control) { Err(garde::Error::new("must be one line of plain text")) } else { Ok(()) }
}

/// Something that an answer can be sent to.
pub(crate) fn is_address(text: &str, _: &()) -> garde::Result {
    let is_one = text.trim().split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if is_one && !text.trim().contains(char::is_whitespace) {
        return Ok(());
    }
    Err(garde::Error::new("is not an address that a mail can be sent to"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_host() {
        assert!([" ann@shop.test ", "o'hara@a.b"].iter().all(|good| is_address(good, &()).is_ok()));
        assert!(["", "ann", "@shop.test", "ann@shop", "a b@shop.test"].iter().all(|bad| is_address(bad, &()).is_err()));
    }

    #[test]
    fn a_text_has_line_ends_and_a_line_has_none() {
        assert!(is_plain("a\r\nb\tc", &()).is_ok() && is_plain("a\0b", &()).is_err());
        assert!(is_line("a b", &()).is_ok() && is_line("a\nb", &()).is_err());
    }
}

/// The address of somebody, in small letters: one that a mail can be sent to, by its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(String);

/// The most that a path of a mail may have (RFC 5321).
const MAX: usize = 254;

impl Address {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, host) = text.rsplit_once('@')?;
        let is_hidden = |c: char| c.is_whitespace() || c.is_control();
        let is_strange = |c: char| is_hidden(c) || "<>()[],;:\\\"@".contains(c);
        let is_one = !name.is_empty() && !host.starts_with('.') && !host.ends_with('.') && host.contains('.');
        let is_plain = !name.contains(is_strange) && !host.contains(is_strange);
        (is_one && is_plain && text.len() <= MAX).then(|| Self(text.to_lowercase())).filter(|all| all.0.len() <= MAX)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_a_mail_can_be_sent_to_in_small_letters() {
        for (text, expected) in [
            (" Ann@Shop.test ", "ann@shop.test"),
            ("ann+news@mail.shop.test", "ann+news@mail.shop.test"),
            ("ÄNN@shop.test", "änn@shop.test"),
            ("o'hara@shop.test", "o'hara@shop.test"),
        ] {
            assert_eq!(Address::parse(text).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_could_be_more_than_one_address_is_none() {
        let long = format!("{}@shop.test", "a".repeat(MAX));
        for text in [
            "",
            "@",
            "ann",
            "ann@",
            "@shop.test",
            "ann@shop",
            "ann@.test",
            "ann@shop.",
            "a b@shop.test",
            "a@b@shop.test",
            "ann@shop.test\r\nBcc: all@shop.test",
            "ann\n@shop.test",
            "ann@shop.test,bob@shop.test",
            "<ann@shop.test>",
            "ann@shop.test\0",
            "\"ann\"@shop.test",
            &long,
        ] {
            assert_eq!(Address::parse(text), None, "{text:?}");
        }
    }
}

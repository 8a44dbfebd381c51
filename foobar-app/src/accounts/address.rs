use std::ops::RangeInclusive;

/// The address of somebody, in small letters: one that a mail can be sent to, by its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(String);

/// The most that a path of a mail may have (RFC 5321).
const MAX: usize = 254;

impl Address {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(' '); // a line end is refused
        let (name, host) = text.rsplit_once('@')?;
        let is_hidden = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c);
        let is_strange = |c: char| is_hidden(c) || "<>()[],;:\\\"@".contains(c);
        let is_one = !name.is_empty() && !host.starts_with('.') && !host.ends_with('.') && host.contains('.');
        let is_plain = !name.contains(is_strange) && !host.contains(is_strange);
        (is_one && is_plain && text.len() <= MAX).then(|| Self(text.to_lowercase())).filter(|all| all.0.len() <= MAX)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Letters that nobody sees, and those that turn the direction of others: two addresses that look alike would be two
/// accounts.
fn is_invisible(c: char) -> bool {
    INVISIBLE.iter().any(|letters| letters.contains(&c))
}

/// What Unicode calls `Cf` or ignorable by default.
const INVISIBLE: [RangeInclusive<char>; 25] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

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
            "ann@shop.test\r\n",
            "\tann@shop.test",
            "ann@shop.test\u{a0}",
            "\u{85}ann@shop.test",
            "ann@shop.test,bob@shop.test",
            "<ann@shop.test>",
            "ann@shop.test\0",
            "\"ann\"@shop.test",
            "an\u{200b}n@shop.test",
            "ann@sh\u{202e}op.test",
            "ann\u{2066}@shop.test",
            "ann\u{ad}@shop.test",
            "\u{feff}ann@shop.test",
            "ann\u{fe0f}@shop.test",
            "ann\u{e0061}@shop.test",
            &long,
        ] {
            assert_eq!(Address::parse(text), None, "{text:?}");
        }
    }
}

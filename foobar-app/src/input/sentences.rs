use std::borrow::Cow;
use std::fmt::Display;

use garde::i18n::{
    I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind, with_i18n as with_sentences,
};
use garde::rules::required;

/// Asks rules, whose refusals are then sentences that stand behind the name of a field, as all others do: "must be at
/// most 10". Where the application has sentences of its own, in another language, those stay.
pub(crate) fn in_sentences<R>(ask: impl FnOnce() -> R) -> R {
    if has_gardes_own() { with_sentences(Sentences, ask) } else { ask() }
}

/// Garde does not tell which sentences are in force, but by one of them.
fn has_gardes_own() -> bool {
    required::apply(&None::<()>, ()).is_err_and(|error| error.message() == "not set")
}

/// What was typed is never among the words, nor is a regular expression.
struct Sentences;

impl I18n for Sentences {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        match min {
            1 => "must not be empty".into(),
            min => format!("is too short: the minimum length is {min}").into(),
        }
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        match max {
            0 => "must be empty".into(),
            max => format!("is too long: the maximum length is {max}").into(),
        }
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        format!("must be at least {min}").into()
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        format!("must be at most {max}").into()
    }

    fn credit_card_invalid(&self, _reason: InvalidCreditCard) -> Cow<'static, str> {
        "is not a valid credit card number".into()
    }

    fn pattern_no_match(&self, _pattern: &dyn Display) -> Cow<'static, str> {
        "is not in the expected format".into()
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("must contain \"{pattern}\"").into()
    }

    fn url_invalid(&self, _reason: InvalidUrl) -> Cow<'static, str> {
        "is not a valid URL".into()
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("must begin with \"{pattern}\"").into()
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("must end with \"{pattern}\"").into()
    }

    fn phone_number_invalid(&self, _reason: InvalidPhoneNumber) -> Cow<'static, str> {
        "is not a valid phone number".into()
    }

    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        format!("is not a valid {kind} address").into()
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        format!("must be the same as the {}", field.to_string().replace('_', " ")).into()
    }

    fn email_invalid(&self, _reason: InvalidEmail) -> Cow<'static, str> {
        "is not a valid email address".into()
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        "may only contain ASCII characters".into()
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        "may only contain letters and digits".into()
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        "is required".into()
    }
}

#[cfg(test)]
mod tests {
    use garde::Validate;
    use garde::i18n::DefaultI18n;

    use super::*;

    #[derive(Validate)]
    struct Wrong {
        #[garde(length(min = 1))]
        empty: &'static str,
        #[garde(length(chars, min = 3))]
        short: &'static str,
        #[garde(length(max = 2))]
        long: [u8; 3],
        #[garde(length(max = 0))]
        trap: &'static str,
        #[garde(range(min = 1.5))]
        low: f64,
        #[garde(range(max = 10))]
        effort: u8,
        #[garde(contains("@"))]
        around: &'static str,
        #[garde(prefix("A-"))]
        front: &'static str,
        #[garde(suffix(".md"))]
        end: &'static str,
        #[garde(ip)]
        address: &'static str,
        #[garde(ipv4)]
        old: &'static str,
        #[garde(ascii)]
        plain: &'static str,
        #[garde(alphanumeric)]
        letters: &'static str,
        #[garde(required)]
        needed: Option<u8>,
        #[garde(matches(new_password))]
        again: &'static str,
        #[garde(skip)]
        new_password: &'static str,
    }

    fn wrong() -> Wrong {
        Wrong {
            empty: "",
            short: "ab",
            long: [0; 3],
            trap: "x",
            low: 1.0,
            effort: 11,
            around: "ann",
            front: "B-1",
            end: "a.txt",
            address: "here",
            old: "::1",
            plain: "ä",
            letters: "a b",
            needed: None,
            again: "b",
            new_password: "a",
        }
    }

    #[test]
    fn what_breaks_a_rule_is_a_sentence_behind_the_name_of_its_field() {
        let told = in_sentences(|| wrong().validate()).unwrap_err();
        let told: Vec<_> = told.iter().map(|(field, error)| format!("The {field} {error}.")).collect();
        let expected = [
            "The address is not a valid IP address.",
            "The again must be the same as the new password.",
            "The around must contain \"@\".",
            "The effort must be at most 10.",
            "The empty must not be empty.",
            "The end must end with \".md\".",
            "The front must begin with \"A-\".",
            "The letters may only contain letters and digits.",
            "The long is too long: the maximum length is 2.",
            "The low must be at least 1.5.",
            "The needed is required.",
            "The old is not a valid IPv4 address.",
            "The plain may only contain ASCII characters.",
            "The short is too short: the minimum length is 3.",
            "The trap must be empty.",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn rules_that_garde_has_by_features_of_its_own_are_told_without_what_they_are_made_of() {
        for (sentence, expected) in [
            (Sentences.pattern_no_match(&"^[a-z]+$"), "is not in the expected format"),
            (Sentences.email_invalid(InvalidEmail::MissingAt), "is not a valid email address"),
            (Sentences.url_invalid(InvalidUrl::EmptyHost), "is not a valid URL"),
            (Sentences.phone_number_invalid(InvalidPhoneNumber::TooLong), "is not a valid phone number"),
            (Sentences.credit_card_invalid(InvalidCreditCard::InvalidLuhn), "is not a valid credit card number"),
        ] {
            assert_eq!(sentence, expected);
        }
    }

    struct German;

    /// Of the others none is asked for.
    impl I18n for German {
        fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
            DefaultI18n.length_lower_than(min)
        }

        fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
            DefaultI18n.length_greater_than(max)
        }

        fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
            DefaultI18n.range_lower_than(min)
        }

        fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
            format!("ist größer als {max}").into()
        }

        fn credit_card_invalid(&self, reason: InvalidCreditCard) -> Cow<'static, str> {
            DefaultI18n.credit_card_invalid(reason)
        }

        fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
            DefaultI18n.pattern_no_match(pattern)
        }

        fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
            DefaultI18n.contains_missing(pattern)
        }

        fn url_invalid(&self, reason: InvalidUrl) -> Cow<'static, str> {
            DefaultI18n.url_invalid(reason)
        }

        fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
            DefaultI18n.prefix_missing(pattern)
        }

        fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
            DefaultI18n.suffix_missing(pattern)
        }

        fn phone_number_invalid(&self, reason: InvalidPhoneNumber) -> Cow<'static, str> {
            DefaultI18n.phone_number_invalid(reason)
        }

        fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
            DefaultI18n.ip_invalid(kind)
        }

        fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
            DefaultI18n.matches_field_mismatch(field)
        }

        fn email_invalid(&self, reason: InvalidEmail) -> Cow<'static, str> {
            DefaultI18n.email_invalid(reason)
        }

        fn ascii_invalid(&self) -> Cow<'static, str> {
            DefaultI18n.ascii_invalid()
        }

        fn alphanumeric_invalid(&self) -> Cow<'static, str> {
            DefaultI18n.alphanumeric_invalid()
        }

        fn required_not_set(&self) -> Cow<'static, str> {
            "fehlt".into()
        }
    }

    #[test]
    fn sentences_of_the_applications_own_stay() {
        let told = with_sentences(German, || in_sentences(|| wrong().validate())).unwrap_err();
        let told: Vec<_> = told.iter().map(|(field, error)| format!("{field} {error}")).collect();
        assert!(told.contains(&"effort ist größer als 10".to_owned()), "{told:?}");
        assert!(told.contains(&"needed fehlt".to_owned()), "{told:?}");
    }
}

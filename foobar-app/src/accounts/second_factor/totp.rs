//! Codes that change with the time: TOTP (RFC 6238) by HMAC-SHA-1, of six digits and thirty seconds, which is what every
//! authenticator app takes.

use std::ops::RangeInclusive;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use aws_lc_rs::rand;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::base32;

/// How long a code lasts, in seconds.
const STEP: i64 = 30;
/// How many steps the clock of a phone may be off.
const OFF: i64 = 1;
/// As many bytes as the hash has (RFC 4226 section 4).
const SECRET: usize = 20;
const DIGITS: usize = 6;

pub(crate) fn generate() -> Vec<u8> {
    let mut secret = vec![0; SECRET];
    rand::fill(&mut secret).expect("the system has random numbers");
    secret
}

/// The step that a time in seconds is in.
pub(crate) const fn step(now: i64) -> i64 {
    now.div_euclid(STEP)
}

/// The code of one step (RFC 4226 section 5.3).
pub(crate) fn code(secret: &[u8], step: i64) -> String {
    let hash = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret), &step.to_be_bytes());
    let hash = hash.as_ref();
    let offset = usize::from(hash[hash.len() - 1] & 0xf);
    let four = hash[offset..].first_chunk::<4>().expect("a hash has twenty bytes");
    format!("{:0DIGITS$}", (u32::from_be_bytes(*four) & 0x7fff_ffff) % 10_u32.pow(DIGITS as u32))
}

/// Whether what was typed has the form of a code.
pub(crate) fn may_be_code(typed: &str) -> bool {
    let digits = digits(typed);
    digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Apps show a code in two groups.
fn digits(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The step of a code as it was typed, if it is one of now, or of a step before or after.
pub(crate) fn matching_step(secret: &[u8], typed: &str, now: i64) -> Option<i64> {
    let digits = digits(typed);
    let steps: RangeInclusive<i64> = step(now) - OFF..=step(now) + OFF;
    let is_it = |step: &i64| verify_slices_are_equal(code(secret, *step).as_bytes(), digits.as_bytes()).is_ok();
    steps.rev().find(is_it)
}

/// What an authenticator app reads from a QR code or a link.
pub(crate) fn uri(secret: &[u8], issuer: &str, address: &str) -> String {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');
    let [issuer, address] = [issuer, address].map(|text| utf8_percent_encode(text, ENCODED));
    let secret = base32::encode(secret);
    format!("otpauth://totp/{issuer}:{address}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, for SHA-1: the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, expected) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(b"12345678901234567890", step(seconds)), expected[2..], "{seconds}");
        }
    }

    /// RFC 4226, appendix D.
    #[test]
    fn steps_count_from_the_beginning_of_1970() {
        let expected =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        let codes: Vec<_> = (0..10).map(|step| code(b"12345678901234567890", step)).collect();
        assert_eq!(codes, expected);
        assert_eq!([0, 29, 30, 59].map(step), [0, 0, 1, 1]);
    }

    #[test]
    fn a_code_is_right_in_its_step_and_one_before_and_after() {
        let secret = generate();
        for (off, expected) in [(-2, None), (-1, Some(99)), (0, Some(100)), (1, Some(101)), (2, None)] {
            let typed = code(&secret, 100 + off);
            if expected.is_some() || (99..=101).all(|step| code(&secret, step) != typed) {
                assert_eq!(matching_step(&secret, &typed, 3000), expected, "{off}");
            }
        }
    }

    #[test]
    fn a_code_may_be_typed_in_groups_and_what_is_none_is_wrong() {
        let secret = b"12345678901234567890";
        assert_eq!((matching_step(secret, " 287 082\n", 59), may_be_code(" 287 082\n")), (Some(1), true));
        for typed in ["", "28708", "2870820", "28708２", "94287082", "abcdef", "287082\0", "+287082", "-287082"] {
            assert_eq!(matching_step(secret, typed, 59), None, "{typed:?}");
            assert!(!may_be_code(typed), "{typed:?}");
        }
    }

    #[test]
    fn the_uri_names_issuer_and_address_and_nothing_of_them_is_read_as_more() {
        assert_eq!(
            uri(b"foobar", "The Shop", "ann@shop.test"),
            "otpauth://totp/The%20Shop:ann@shop.test?secret=MZXW6YTBOI&issuer=The%20Shop&algorithm=SHA1&digits=6&period=30"
        );
        let hostile = uri(b"foobar", "a:b?secret=x&y", "c#d&secret=z@shop.test");
        assert_eq!(hostile.matches("secret=").count(), 1, "{hostile}");
    }
}

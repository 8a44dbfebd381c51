//! What lets somebody in who has lost the phone: codes of 80 random bits, of which only SHA-256 is kept.

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::rand;

use super::base32;

/// How many an account gets.
pub(super) const COUNT: usize = 10;
/// How many characters one has.
const LENGTH: usize = 16;

/// In four groups of small letters and digits, to be written down.
pub(super) fn generate() -> String {
    let mut bytes = [0; LENGTH * 5 / 8];
    rand::fill(&mut bytes).expect("the system has random numbers");
    let text = base32::encode(&bytes).to_lowercase();
    let groups: Vec<_> = (0..LENGTH).step_by(4).map(|at| &text[at..at + 4]).collect();
    groups.join("-")
}

/// What is kept of a code as it was typed; `None` of what cannot be one.
pub(super) fn hash(account: i64, typed: &str) -> Option<Vec<u8>> {
    let plain: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let bytes = base32::decode(&plain).filter(|_| plain.len() == LENGTH)?;
    let mut digest = Context::new(&SHA256);
    digest.update(&account.to_be_bytes());
    digest.update(&bytes);
    Some(digest.finish().as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_again_however_it_is_typed() {
        let code = generate();
        assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
        let kept = hash(1, &code).unwrap();
        for typed in [code.to_uppercase(), code.replace('-', " "), format!(" {}\n", code.replace('-', ""))] {
            assert_eq!(hash(1, &typed).as_ref(), Some(&kept), "{typed}");
        }
        assert_ne!(hash(2, &code), Some(kept), "another account's");
        assert_ne!(generate(), code);
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in ["", "123456", "abcd-efgh-ijkl-mno", "abcd-efgh-ijkl-mnop-q", "abcd-efgh-ijkl-mno1", "ÄÄÄÄÄÄÄÄ"]
        {
            assert_eq!(hash(1, typed), None, "{typed}");
        }
    }
}

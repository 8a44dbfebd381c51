use crate::accounts::{base32, totp};
use crate::clock::now;

/// The code that an authenticator app with this secret shows, `ahead` steps of thirty seconds from now. A code works once,
/// and one of a step ahead is right too: turn a second factor on by that of 0 and sign in by that of 1.
///
/// ```
/// # mod foobar { pub mod test { pub use foobar_app::testing::*; } }
/// let code = foobar::test::totp_code("JBSWY3DPEHPK3PXP", 0);
/// assert_eq!(code.len(), 6);
/// ```
///
/// # Panics
///
/// If the secret is not in base 32.
pub fn totp_code(secret: &str, ahead: i64) -> String {
    let secret = base32::decode(secret).unwrap_or_else(|| panic!("the secret is not in base 32"));
    totp::code(&secret, totp::step(now()) + ahead)
}

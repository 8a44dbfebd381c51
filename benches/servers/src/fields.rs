//! The fields of Foobar's answers, which the other servers give too.

/// Besides `x-request-id`.
pub const FIELDS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("server", "foobar"),
];

pub const REQUEST_ID: &str = "x-request-id";

/// 128 random bits.
pub fn request_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

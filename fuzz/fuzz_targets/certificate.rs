//! What is read of a certificate in DER: whatever comes is one or none, it is nobody's who did not say so, and what
//! follows it does not matter.
#![no_main]

use foobar_web::fuzzing::{certificate, next_update};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    assert!(next_update(bytes).is_none_or(|time| time.abs() < 400_000_000_000));
    let Some(facts) = certificate(bytes) else { return };
    assert!(!facts.subject.iter().any(|subject| subject.contains(char::is_control)), "{:?}", facts.subject);
    for name in facts.names.iter().filter(|name| !name.is_empty()) {
        assert!(bytes.to_ascii_lowercase().windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
    assert!(facts.not_before.abs().max(facts.not_after.abs()) < 400_000_000_000, "years have four digits");
    assert_eq!(certificate(&[bytes, b"0"].concat()), Some(facts), "what follows");
});

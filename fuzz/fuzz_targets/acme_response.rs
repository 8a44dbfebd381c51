//! An answer of a certificate authority: it may arrive in any pieces, what follows it does not matter, and once the
//! connection has ended there is one, or an error.
#![no_main]

use foobar_web::fuzzing::acme_response;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for is_head in [false, true] {
        let found = acme_response(bytes, is_head, false);
        for end in 0..bytes.len() {
            match acme_response(&bytes[..end], is_head, false) {
                Ok(None) => {}
                early => assert_eq!(early, found, "cut at {end}"),
            }
        }
        match acme_response(bytes, is_head, true) {
            Ok(None) => panic!("nothing follows"),
            Ok(Some((status, content))) => {
                assert!((100..1000).contains(&status) && content.len() < bytes.len());
                assert!(content.is_empty() || !(is_head || status == 204 || status == 304));
            }
            Err(why) => assert!(!why.is_empty()),
        }
    }
});

//! A question to the name server: whatever it is, an answer can be read, is the question's own, and floods nobody.
#![no_main]

use foobar_web::fuzzing;
use hickory_proto::op::{Message, MessageType};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (by_udp, by_tcp) = (fuzzing::dns_answer(bytes, false), fuzzing::dns_answer(bytes, true));
    assert_eq!(by_udp.is_some(), by_tcp.is_some(), "both are answered, or none");
    let (Some(by_udp), Some(by_tcp)) = (by_udp, by_tcp) else { return };
    assert!(by_udp.len() <= (3 * bytes.len()).min(1232));
    for answer in [&by_udp, &by_tcp] {
        let answer = Message::from_vec(answer).expect("it can be read");
        assert_eq!(answer.metadata.id.to_be_bytes(), bytes[..2], "it is that of the question");
        assert_eq!(answer.metadata.message_type, MessageType::Response);
        assert!(!answer.metadata.truncation || answer.answers.is_empty());
        if let Some(query) = answer.queries.first() {
            let asked = Message::from_vec(bytes).expect("what is repeated was read");
            assert_eq!(asked.queries[0], *query);
        }
    }
    assert!(by_tcp == by_udp || by_tcp.len() > by_udp.len(), "only what is too long is another by UDP");
});

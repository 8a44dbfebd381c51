//! What a client of TLS begins with: it means the same however it is cut, HTTP without TLS is told apart and loses nothing,
//! a name is one that was sent, in lower case, and who is refused is told so by an alert.
#![no_main]

use foobar_web::fuzzing::{ClientHello, TlsServer};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SERVER: TlsServer = TlsServer::new();
}

// The first byte says in which pieces the rest is sent.
fuzz_target!(|input: &[u8]| {
    let [size, sent @ ..] = input else { return };
    let sent = &sent[..sent.len().min(MOST)];
    let whole = hear(sent, MOST);
    check(sent, &whole);
    for size in [usize::from(*size).max(1), 1] {
        let cut = hear(sent, size);
        check(sent, &cut);
        assert!(is_plain(&cut) && is_plain(&whole) || cut == whole, "{whole:?}, and in pieces {cut:?}");
    }
});

/// The longest input that is taken: less than the server reads at once.
const MOST: usize = 4096;

fn hear(sent: &[u8], size: usize) -> ClientHello {
    SERVER.with(|server| server.hear(&sent.chunks(size).collect::<Vec<_>>()))
}

/// How much of a request has come when it is told apart depends on the pieces.
fn is_plain(hello: &ClientHello) -> bool {
    matches!(hello, ClientHello::Plain(_))
}

fn check(sent: &[u8], hello: &ClientHello) {
    match hello {
        ClientHello::Cut | ClientHello::Named(None) => {}
        ClientHello::Plain(bytes) => assert!(bytes[0].is_ascii_uppercase() && sent.starts_with(bytes), "{bytes:?}"),
        ClientHello::Refused(alert) => assert!(alert.starts_with(&[21, 3]), "{alert:?}"),
        ClientHello::Named(Some(name)) => {
            assert!(!name.bytes().any(|byte| byte.is_ascii_uppercase()), "{name}");
            let content = without_records(sent).to_ascii_lowercase();
            assert!(content.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
        }
    }
}

/// What is in the records that have come, one after the other (RFC 8446 §5.1).
fn without_records(mut sent: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some((header, rest)) = sent.split_at_checked(5) {
        let (record, rest) = rest.split_at(rest.len().min(usize::from(header[3]) << 8 | usize::from(header[4])));
        content.extend_from_slice(record);
        sent = rest;
    }
    content
}

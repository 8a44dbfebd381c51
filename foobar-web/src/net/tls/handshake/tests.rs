use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::super::certificates::SiteCertificates;
use super::super::config::TlsOptions;
use super::super::provider::default_provider;
use super::*;

/// Numbers that are the same each time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }
}

/// The first bytes of a client that asks for `a.test`.
fn client_hello() -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(RootCertStore::empty());
    let config = Arc::new(config.with_no_client_auth());
    let mut client = ClientConnection::new(config, "a.test".try_into().unwrap()).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// The same after a few changes, of which some are to lengths.
fn mutated(hello: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = hello.to_vec();
    for _ in 0..=numbers.below(3) {
        let (at, other) = (numbers.below(bytes.len()), numbers.below(256));
        let end = bytes.len().min(at + numbers.below(40));
        match numbers.below(6) {
            0 => bytes[at] = u8::try_from(other).unwrap(),
            1 => bytes[at] ^= 1 << (other % 8),
            2 => bytes.truncate(at.max(1)),
            3 => drop(bytes.drain(at..end.min(bytes.len() - 1).max(at))),
            4 => bytes.extend_from_within(at..end),
            _ => bytes[at..end].fill(u8::try_from(other).unwrap()),
        }
    }
    bytes
}

fn tls(folder: &Path) -> Tls {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    std::fs::write(folder.join("pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key"), signing_key.serialize_pem()).unwrap();
    let site = SiteCertificates {
        label: "a".to_owned(),
        key: "sites.a".to_owned(),
        certificates: vec![folder.join("pem")],
        keys: vec![folder.join("key")],
        names: Vec::new(),
        client_rule: None,
        kept: None,
    };
    let options = TlsOptions {
        provider: &default_provider(),
        protocols: &["TLSv1.2".to_owned(), "TLSv1.3".to_owned()],
        tickets: false,
        ticket_keys: &[],
        rejects: false,
        alpn: vec![b"http/1.1".to_vec()],
        challenges: Vec::new(),
        before: None,
    };
    Tls::compile(&options, &[site]).unwrap().unwrap()
}

/// What a client that sends this and nothing more leads to.
async fn outcome(bytes: &[u8], tls: &Tls) -> io::Result<Established<UnixStream>> {
    read_by(64 << 10, bytes, tls).await
}

/// The same where it is read in pieces of so many bytes.
async fn read_by(size: usize, bytes: &[u8], tls: &Tls) -> io::Result<Established<UnixStream>> {
    let (mut client, server) = UnixStream::pair()?;
    client.write_all(bytes).await?;
    client.shutdown().await?;
    let (mut handshake, mut room) = (Handshake::new(server), vec![0; size]);
    poll_fn(|cx| handshake.poll(cx, &mut room, tls, || {}, |_| NamedSite::Known(0))).await
}

#[tokio::test]
async fn ten_thousand_mutated_client_hellos_end_the_handshake_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, hello, mut numbers) = (tls(folder.path()), client_hello(), Numbers(0x9e37_79b9_7f4a_7c15));
    let whole = outcome(&hello, &tls).await.map(drop).unwrap_err();
    assert_eq!(whole.kind(), io::ErrorKind::UnexpectedEof, "the server waits for the client's next words: {whole}");
    for number in 0..10_000 {
        let bytes = mutated(&hello, &mut numbers);
        let outcome = outcome(&bytes, &tls).await;
        assert!(!matches!(outcome, Ok(Established::Tls(_))), "{number}: {bytes:?}");
    }
}

#[tokio::test]
async fn http_without_tls_is_told_apart_and_loses_nothing_in_whatever_pieces_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let tls = tls(folder.path());
    for size in [1, 2, 3, 4, 5, 6, 100] {
        let Ok(Established::Plain(_, bytes)) = read_by(size, b"GET / HTTP/1.1\r\n\r\n", &tls).await else {
            panic!("in pieces of {size} it is no HTTP")
        };
        assert!(!bytes.is_empty() && b"GET / HTTP/1.1\r\n\r\n".starts_with(&bytes), "{size}: {bytes:?}");
    }
}

#[tokio::test]
async fn a_letter_after_the_first_record_is_no_beginning_of_http() {
    let folder = tempfile::tempdir().unwrap();
    let tls = tls(folder.path());
    let half = [&[22, 3, 1, 0, 2, 1, 0][..], b"GET / HTTP/1.1\r\n\r\n"].concat();
    for size in [1, 7, 100] {
        let refused = read_by(size, &half, &tls).await.map(drop).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{size}: {refused}");
    }
}

use super::*;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CipherSuite, ClientConfig, NamedGroup};

/// aws-lc-rs with this cipher suite alone.
fn of_suite(suite: CipherSuite) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|known| known.suite() == suite);
    provider
}

/// The same of a key exchange.
fn of_group(group: NamedGroup) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups.retain(|known| known.name() == group);
    provider
}

fn server(authority: &Authority, web: &str, provider: CryptoProvider) -> Server {
    let files = authority.issue("a", &["a.test"]);
    let (web, sites) = settings(&format!("{LISTEN}{web}[sites.a]\nserver_name = \"a.test\"\n{}", files.settings()));
    Server::of(Web::builder().crypto_provider(Arc::new(provider)).build(&web, &sites).expect("the settings are good"))
}

fn client(authority: &Authority, provider: CryptoProvider) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
    Arc::new(
        config.expect("the provider speaks a version").with_root_certificates(authority.roots()).with_no_client_auth(),
    )
}

#[test]
fn a_server_speaks_the_cipher_suites_of_its_provider_alone() {
    let (wanted, other) = (CipherSuite::TLS13_AES_256_GCM_SHA384, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
    let authority = Authority::new();
    let server = server(&authority, "", of_suite(wanted));
    let served = server.connect_tls(&client(&authority, aws_lc_rs::default_provider()), "a.test").unwrap();
    assert_eq!(served.stream.get_ref().conn.negotiated_cipher_suite().unwrap().suite(), wanted);
    assert!(alert(server.connect_tls(&client(&authority, of_suite(other)), "a.test")).contains("HandshakeFailure"));
}

#[test]
fn a_server_takes_the_key_exchanges_of_its_provider_alone() {
    let authority = Authority::new();
    let server = server(&authority, "", of_group(NamedGroup::X25519));
    let served = server.connect_tls(&client(&authority, aws_lc_rs::default_provider()), "a.test").unwrap();
    assert_eq!(served.stream.get_ref().conn.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519);
    let other = client(&authority, of_group(NamedGroup::secp256r1));
    assert!(alert(server.connect_tls(&other, "a.test")).contains("HandshakeFailure"));
}

#[test]
fn a_reload_stays_with_the_provider() {
    let authority = Authority::new();
    let wanted = CipherSuite::TLS13_AES_256_GCM_SHA384;
    let server = server(&authority, "", of_suite(wanted));
    let files = authority.issue("b", &["b.test"]);
    server.reload(&format!("{LISTEN}[sites.b]\nserver_name = \"b.test\"\n{}", files.settings())).unwrap();
    let config = client(&authority, aws_lc_rs::default_provider());
    wait_until("the other site is served", || server.connect_tls(&config, "b.test").is_ok());
    let served = server.connect_tls(&config, "b.test").unwrap();
    assert_eq!(served.stream.get_ref().conn.negotiated_cipher_suite().unwrap().suite(), wanted);
}

#[test]
fn a_provider_that_cannot_speak_the_protocols_of_the_settings_ends_the_start() {
    let authority = Authority::new();
    let files = authority.issue("a", &["a.test"]);
    let (web, sites) = settings(&format!("{LISTEN}ssl_protocols = \"TLSv1.2\"\n[sites.a]\n{}", files.settings()));
    let provider = of_suite(CipherSuite::TLS13_AES_256_GCM_SHA384);
    let error = Web::builder().crypto_provider(Arc::new(provider)).build(&web, &sites).err().expect("it has no suite");
    assert!(error.to_string().starts_with("`web.ssl_protocols`: "), "{error}");
}

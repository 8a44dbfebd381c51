use super::*;

/// What the start of a server of a site with these keys warns of.
fn warnings(site: &str, files: &Files) -> Vec<String> {
    let (web, sites) = settings(&format!("{LISTEN}[sites.a]\n{site}\n{}", files.settings()));
    let web = Web::new(&web, &sites, None).expect("the server starts");
    web.warnings().iter().map(|warning| warning.message.clone()).collect()
}

#[test]
fn a_certificate_is_for_a_name_of_a_site_that_is_written_in_other_letters() {
    let authority = Authority::new();
    let files = authority.issue_by(
        "punycode",
        &["xn--bcher-kva.test", "*.xn--bcher-kva.test"],
        VALID,
        &rcgen::PKCS_ECDSA_P256_SHA256,
    );
    let names = "server_name = [\"Bücher.test\", \"*.bücher.test\", \"www.bücher.test\"]";
    assert_eq!(warnings(names, &files), Vec::<String>::new());
}

#[test]
fn an_address_in_brackets_and_a_name_with_a_dot_at_its_end_are_those_of_the_certificate() {
    let authority = Authority::new();
    let files = authority.issue("a", &["::1", "127.0.0.1", "a.test", "www.a.test"]);
    let names = "server_name = [\"[::1]\", \"[0:0::1]\", \"a.test.\"]";
    assert_eq!(warnings(names, &files), Vec::<String>::new());
    let names = "server_name = [\"127.0.0.1\", \"a.test.\"]\nwww = \"remove\"";
    assert_eq!(warnings(names, &files), Vec::<String>::new());
    let other = warnings("server_name = \"[::2]\"", &files);
    assert!(other.len() == 1 && other[0].contains("the certificate is not for \"::2\", one of"), "{other:?}");
}

#[test]
fn a_certificate_has_to_be_for_the_name_too_that_www_adds_to_a_site() {
    let authority = Authority::new();
    let files = authority.issue("a", &["a.test"]);
    assert_eq!(warnings("server_name = \"a.test\"", &files), Vec::<String>::new());
    for word in ["add", "remove"] {
        let told = warnings(&format!("server_name = \"a.test\"\nwww = {word:?}"), &files);
        assert!(told.len() == 1, "{told:?}");
        assert!(told[0].contains("the certificate is not for \"www.a.test\", one of the site's names"), "{told:?}");
    }
}

#[test]
fn a_changed_certificate_that_lacks_the_name_that_www_adds_is_not_used() {
    let authority = Authority::new();
    let first = authority.issue("a", &["a.test", "www.a.test"]);
    let other = authority.issue("b", &["b.test"]);
    let server = Server::start(&format!(
        "{LISTEN}[sites.a]\nserver_name = \"a.test\"\nwww = \"remove\"\n{}[sites.b]\nserver_name = \"b.test\"\n{}",
        first.settings(),
        other.settings()
    ));
    let config = Arc::new(authority.client());
    authority.issue("a", &["a.test"]);
    // Files are looked at in the order of their sites: once the second has changed, the first has been looked at.
    let other = authority.issue("b", &["b.test"]);
    wait_until("the other site's is shown", || server.connect_tls(&config, "b.test").unwrap().was_shown(&other));
    assert!(server.connect_tls(&config, "www.a.test").is_ok());
}

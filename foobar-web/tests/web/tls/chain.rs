use super::*;

/// What the start of a server of the site `a.test` warns of.
fn warnings(files: &Files) -> Vec<String> {
    let (web, sites) = settings(&format!("{LISTEN}[sites.a]\nserver_name = \"a.test\"\n{}", files.settings()));
    let web = Web::new(&web, &sites, None).expect("the server starts");
    web.warnings().iter().map(|warning| format!("`{}`: {}", warning.key, warning.message)).collect()
}

#[test]
fn a_file_that_lacks_who_signed_its_certificate_is_a_warning_that_names_the_authority() {
    let authority = Authority::named("Trust & Sons", VALID);
    let files = authority.issue("a", &["a.test"]);
    assert_eq!(warnings(&files), Vec::<String>::new());
    files.cut_off_signers();
    let told = warnings(&files);
    assert!(told.len() == 1 && told[0].starts_with("`sites.a.ssl_certificate`: "), "{told:?}");
    assert!(
        told[0].contains("lacks the certificate that signed this one, that of CN=Trust & Sons; clients"),
        "{told:?}"
    );
    assert!(told[0].ends_with("give the full chain (`fullchain.pem`)"), "{told:?}");
}

#[test]
fn a_certificate_that_signed_itself_lacks_nothing() {
    let authority = Authority::new();
    let own = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    let files = Files::of(authority.path("own.pem"), authority.path("own.key"));
    write(&files.certificate, &own.cert.pem(), 0o644);
    write(&files.key, &own.signing_key.serialize_pem(), 0o600);
    assert_eq!(warnings(&files), Vec::<String>::new());
}

#[test]
fn an_authority_in_the_file_that_has_expired_or_is_not_valid_yet_is_a_warning() {
    for (years, words) in [((1971, 1980), "has expired"), ((3000, 4000), "is not valid yet")] {
        let authority = Authority::named("Then", years);
        let told = warnings(&authority.issue("a", &["a.test"]));
        assert!(told.len() == 1, "{told:?}");
        let words = format!("certificate 2 of the file, that of CN=Then, {words}, so that clients may refuse");
        assert!(told[0].contains(&words), "{told:?}");
    }
}

#[test]
fn an_authority_of_the_right_name_whose_key_did_not_sign_is_a_warning() {
    let [authority, other] = [Authority::named("Twice", VALID), Authority::named("Twice", VALID)];
    let files = authority.issue("a", &["a.test"]);
    files.cut_off_signers();
    let own = fs::read_to_string(&files.certificate).unwrap();
    write(&files.certificate, &(own + &fs::read_to_string(other.root()).unwrap()), 0o644);
    let told = warnings(&files);
    assert!(told.len() == 1, "{told:?}");
    assert!(told[0].ends_with("certificate 2 of the file did not sign the one before it"), "{told:?}");
}

#[test]
fn a_server_goes_on_with_the_chain_that_it_has_when_the_file_is_cut_to_the_servers_own_certificate() {
    let authority = Authority::new();
    let (first, second) = (authority.issue("a", &["a.test"]), authority.issue("b", &["b.test"]));
    let site =
        |name: &str, files: &Files| format!("[sites.{name}]\nserver_name = \"{name}.test\"\n{}", files.settings());
    let server = Server::start(&format!("{LISTEN}{}{}", site("a", &first), site("b", &second)));
    let config = Arc::new(authority.client());
    authority.issue("a", &["a.test"]).cut_off_signers();
    // Files are looked at in the order of their sites: once the second has changed, the first has been looked at.
    let second = authority.issue("b", &["b.test"]);
    wait_until("the other site's is shown", || server.connect_tls(&config, "b.test").unwrap().was_shown(&second));
    let client = server.connect_tls(&config, "a.test").unwrap();
    assert_eq!(client.stream.get_ref().conn.peer_certificates().unwrap().len(), 2);
    let whole = authority.issue("a", &["a.test"]);
    wait_until("the whole chain is shown", || server.connect_tls(&config, "a.test").unwrap().was_shown(&whole));
}

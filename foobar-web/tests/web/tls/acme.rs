//! What is said of a site whose certificate is ordered, before anybody is asked.

use super::*;

const BOTH: &str = "[web]\nlisten = [\"127.0.0.1:0\", \"127.0.0.1:0 ssl\"]\n";
const ACCEPTED: &str = "[acme]\naccept_terms_of_service = true\n";

/// A site with these lines.
fn site(lines: &str) -> String {
    format!("[sites.a]\nssl_certificate = \"auto\"\n{lines}\n")
}

fn error(toml: &str) -> String {
    let (web, sites) = settings(toml);
    Web::new(&web, &sites, None).err().unwrap_or_else(|| panic!("it is refused: {toml}")).to_string()
}

#[test]
fn what_an_order_needs_is_checked_at_the_start() {
    let named = site("server_name = \"foobar.com\"");
    let (terms, more) = (format!("{BOTH}{named}"), format!("{BOTH}{ACCEPTED}"));
    for (toml, parts) in [
        (terms, vec!["`acme.accept_terms_of_service`", "https://acme-v02.api.letsencrypt.org/directory", "true"]),
        (format!("{more}contact = \"nobody\"\n{named}"), vec!["`acme.contact`", "\"nobody\" is no mail address"]),
        (format!("{more}directory = \"http://a.test/\"\n{named}"), vec!["`acme.directory`", "https://"]),
        (
            format!("{more}ssl_trusted_certificate = \"/nowhere\"\n{named}"),
            vec!["`acme.ssl_trusted_certificate`", "cannot open /nowhere"],
        ),
        (format!("{more}eab_key_id = \"a\"\n{named}"), vec!["`acme.eab_hmac_key`", "needs this too"]),
        (
            format!("{more}[acme.b]\ncontact = \"nobody\"\n{}", named.replace("\"auto\"", "\"auto:b\"")),
            vec!["`acme.b.accept_terms_of_service`"],
        ),
        (
            format!("{more}[acme.b]\n{}", named.replace("\"auto\"", "\"auto:c\"")),
            vec!["`sites.a.ssl_certificate`", "no section `[acme.c]`", "\"auto:b\""],
        ),
        (
            format!("{more}{named}ssl_on_demand = true\n[sites.b]\n"),
            vec!["`sites.a.ssl_on_demand`", "set `default = true` here"],
        ),
        (
            format!("{BOTH}[sites.a]\nssl_on_demand = true\n"),
            vec!["`sites.a.ssl_on_demand`", "`ssl_certificate = \"auto\"`"],
        ),
        (format!("{more}{}", site("")), vec!["`sites.a.server_name`", "needs the site's names here"]),
        (format!("{more}{}", site("server_name = \"*.foobar.com\"")), vec!["`sites.a.server_name`", "dns-01"]),
        (format!("{more}{}", site("server_name = \"localhost\"")), vec!["`sites.a.server_name`", "\"internal\""]),
        (
            format!("{more}{named}ssl_certificate_key = \"a.key\"\n"),
            vec!["`sites.a.ssl_certificate_key`", "leave this out"],
        ),
    ] {
        let error = error(&toml);
        assert!(parts.iter().all(|part| error.contains(part)), "{error}\n{toml}");
    }
}

#[test]
fn a_site_that_is_reached_without_tls_alone_is_warned_of_and_has_nothing_ordered() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let toml = format!(
        "[web]\nlisten = \"127.0.0.1:0\"\nstate_dir = {state:?}\n{ACCEPTED}directory = \"https://127.0.0.1:9/\"\n{}",
        site("server_name = \"foobar.com\"")
    );
    let (web, sites) = settings(&toml);
    let warnings = Web::new(&web, &sites, None).unwrap().warnings();
    assert!(warnings.iter().any(|warning| warning.key == "sites.a.ssl_certificate"), "{warnings:?}");
    drop(Server::start(&toml));
    assert!(!state.exists());
}

#[test]
fn until_there_is_a_certificate_clients_of_tls_see_one_that_nobody_has_signed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&format!(
        "{BOTH}state_dir = {:?}\n{ACCEPTED}directory = \"https://127.0.0.1:9/\"\n{}",
        folder.path().join("state"),
        site("server_name = \"foobar.com\"\nhsts = \"1d\"")
    ));
    let trusting_another = Arc::new(Authority::new().client());
    let refused = server.connect_tls(&trusting_another, "foobar.com").err().expect("it is not signed").to_string();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    let plain = server.talk("GET /app HTTP/1.1\r\nHost: foobar.com\r\nConnection: close\r\n\r\n");
    assert!(plain.starts_with("HTTP/1.1 200 "), "nobody is sent to HTTPS: {plain}");
}

#[test]
fn a_handshake_for_a_challenge_that_nobody_expects_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&format!(
        "{BOTH}state_dir = {:?}\n{ACCEPTED}directory = \"https://127.0.0.1:9/\"\n{}",
        folder.path().join("state"),
        site("server_name = \"foobar.com\"")
    ));
    let mut config = Authority::new().client();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    assert!(alert(server.connect_tls(&Arc::new(config), "foobar.com")).contains("UnrecognisedName"));
}

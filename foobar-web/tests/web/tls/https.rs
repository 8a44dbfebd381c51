//! Who is sent to HTTPS, and told to stay there.

use super::*;

/// A server that listens for HTTP and for HTTPS.
fn both(authority: &Authority, site: &str) -> Server {
    both_with(authority, "", site)
}

/// The same with more of `[web]`.
fn both_with(authority: &Authority, web: &str, site: &str) -> Server {
    let certificate = authority.issue("a", &["a.test", "www.a.test"]);
    let root = authority.path("root");
    fs::create_dir_all(&root).expect("the temporary folder is writable");
    fs::write(root.join("a.txt"), "a").expect("a file can be written");
    Server::start(&format!(
        "[web]\nlisten = [\"127.0.0.1:0\", \"127.0.0.2:0 ssl\"]\n{web}\n[sites.a]\nserver_name = \"a.test\"\nroot = {root:?}\n{}{site}\n",
        certificate.settings()
    ))
}

#[test]
fn a_site_with_a_certificate_redirects_to_https_unless_it_keeps_http() {
    let authority = Authority::new();
    let ask = |server: &Server, path: &str| {
        server.talk(format!("GET {path} HTTP/1.1\r\nHost: A.test:8080\r\nConnection: close\r\n\r\n"))
    };
    for site in ["", "https = \"redirect\"", "www = \"add\""] {
        let server = both(&authority, site);
        for path in ["/a.txt", "/app?b=c", "/missing"] {
            let answer = ask(&server, path);
            assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
            assert!(answer.contains(&format!("\r\nlocation: https://a.test{path}\r\n")), "{answer}");
        }
        let challenge = ask(&server, "/.well-known/acme-challenge/x");
        assert!(!challenge.contains("https://a.test/"), "{challenge}");
        let config = Arc::new(authority.client());
        let (head, _) = server.connect_tls(&config, "a.test").unwrap().get("www.a.test", "/a.txt");
        assert!(!head.starts_with("HTTP/1.1 308"), "{head}");
    }
    assert!(ask(&both(&authority, "https = \"keep\""), "/a.txt").starts_with("HTTP/1.1 200 "));
}

#[test]
fn hsts_is_said_over_tls_alone_and_by_each_way_of_answering() {
    let authority = Authority::new();
    let server = both(&authority, "www = \"add\"\nhsts = \"365d includeSubDomains preload\"");
    let config = Arc::new(authority.client());
    let mut client = server.connect_tls(&config, "a.test").unwrap();
    for (host, path) in
        [("www.a.test", "/a.txt"), ("www.a.test", "/a.txt"), ("www.a.test", "/app"), ("a.test", "/a.txt")]
    {
        let (head, _) = client.get(host, path);
        let field = "\r\nstrict-transport-security: max-age=31536000; includeSubDomains; preload\r\n";
        assert_eq!(head.matches(field).count(), 1, "{head}");
    }
    let plain = server.talk("GET /a.txt HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    assert!(!plain.contains("strict-transport-security"), "{plain}");
}

/// What a trusted proxy that speaks HTTP gets, which says that of its client.
fn told_by_proxy(server: &Server, path: &str, scheme: &str) -> String {
    server.talk(format!(
        "GET {path} HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 203.0.113.9\r\n\
         X-Forwarded-Proto: {scheme}\r\nConnection: close\r\n\r\n"
    ))
}

const HSTS: &str = "\r\nstrict-transport-security: max-age=31536000\r\n";

#[test]
fn behind_a_trusted_proxy_https_and_hsts_go_by_the_scheme_that_it_names() {
    let authority = Authority::new();
    for (trusted, is_trusted) in [("127.0.0.1", true), ("10.0.0.0/8", false)] {
        let server = both_with(&authority, &format!("trusted_proxies = \"{trusted}\""), "hsts = \"365d\"");
        for path in ["/a.txt", "/a.txt", "/missing.txt", "/app"] {
            let over_http = told_by_proxy(&server, path, "http");
            assert!(over_http.starts_with("HTTP/1.1 308 ") && !over_http.contains(HSTS), "{over_http}");
            let over_https = told_by_proxy(&server, path, "https");
            assert_eq!(over_https.starts_with("HTTP/1.1 308 "), !is_trusted, "{over_https}");
            assert_eq!(over_https.contains(HSTS), is_trusted, "{over_https}");
        }
    }
}

#[test]
fn a_proxy_that_holds_the_certificate_gets_hsts_for_its_clients_over_https_alone() {
    let server = Server::start(
        "[web]\ntrusted_proxies = '127.0.0.1'\n[sites.a]\nhsts = '365d'\n[sites.a.routes.'/fixed']\nrespond = 200\n",
    );
    for path in ["/fixed", "/app"] {
        assert!(told_by_proxy(&server, path, "https").contains(HSTS), "{path}");
        assert!(!told_by_proxy(&server, path, "http").contains("strict-transport-security"), "{path}");
    }
}

#[test]
fn hsts_is_said_once_where_add_header_says_it_too() {
    let authority = Authority::new();
    let site = "hsts = \"365d\"\nadd_header = \"* Strict-Transport-Security: max-age=1\"\n\
                routes.\"/fixed\".respond = 200\nroutes.\"/gone\".respond = 410";
    let server = both(&authority, site);
    let mut client = server.connect_tls(&Arc::new(authority.client()), "a.test").unwrap();
    for path in ["/a.txt", "/a.txt", "/fixed", "/gone"] {
        let (head, _) = client.get("a.test", path);
        assert!(head.contains("\r\nstrict-transport-security: max-age=1\r\n"), "{head}");
        assert_eq!(head.matches("strict-transport-security").count(), 1, "{head}");
    }
}

#[test]
fn a_redirect_to_https_without_a_certificate_is_an_error() {
    let (web, sites) = settings("[sites.a]\nhttps = \"redirect\"");
    let error = Web::new(&web, &sites, None).err().expect("there is nothing to redirect to").to_string();
    assert_eq!(error, "`sites.a.https`: there is nothing to redirect to without `ssl_certificate`");
}

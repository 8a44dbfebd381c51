//! Where redirects lead, and by which routes: on the fast path and on the pipeline.

use foobar_web::Web;

use crate::support::{Server, settings, status};

const SITE: &str = r#"
[sites.a]
[sites.a.routes]
'= /tls'.redirect = 'https://$host$request_uri'
'= /here'.redirect = '$scheme://$host:81/there'
'/moved/'.redirect = '/new$uri?$args'
'/ad/'.redirect = '/new$uri?$args&utm=1'
'/part/'.redirect = '/new$uri?$args#part'
'/raw/'.redirect = '/old$request_uri'
'~ ^/u/(\d+)(/.*)?$' = { redirect = '/users/$1$2?$args', status = 308 }
'~* ^/(?<lang>de|fr)/shop$'.redirect = '/shop?lang=$lang'
'~ ^/go(.*)$'.redirect = '$1'
'~ ^/cdn(.*)$'.redirect = 'https://cdn.com$1'
'/u/'.respond = 200
"#;

/// The status and the place that both ways give, the second of which gets a field that comes twice.
fn ask(server: &Server, target: &str, host: &str) -> (u16, String) {
    let [here, there] = ["", "User-Agent: x\r\nUser-Agent: x\r\n"].map(|twice| {
        let text = server.talk(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{twice}\r\n"));
        let location = text.lines().find_map(|line| line.strip_prefix("location: "));
        assert!(!text.lines().any(|line| line.starts_with("x: ")), "{text}");
        (status(&text), location.unwrap_or_default().to_owned())
    });
    assert_eq!(here, there, "{target}");
    here
}

#[test]
fn a_redirect_has_the_variables_of_nginx_and_the_captures_of_its_route() {
    let server = Server::start(SITE);
    for (target, status, location) in [
        ("/tls", 301, "https://foobar.com/tls"),
        ("/tls?a=b%20c&d", 301, "https://foobar.com/tls?a=b%20c&d"),
        ("/here", 301, "http://foobar.com:81/there"),
        ("/moved/a%20b/./c?d=e", 301, "/new/moved/a%20b/c?d=e"),
        ("/moved/a", 301, "/new/moved/a"),
        ("/ad/a", 301, "/new/ad/a?&utm=1"),
        ("/ad/a?b=c", 301, "/new/ad/a?b=c&utm=1"),
        ("/part/a?", 301, "/new/part/a#part"),
        ("/part/a?b", 301, "/new/part/a?b#part"),
        ("/raw/a%20b//c?d", 301, "/old/raw/a%20b//c?d"),
        ("/u/7?tab=1", 308, "/users/7?tab=1"),
        ("/u/7/edit", 308, "/users/7/edit"),
        ("/u/x", 200, ""),
        ("/FR/shop", 301, "/shop?lang=FR"),
    ] {
        assert_eq!(ask(&server, target, "FOOBAR.com.:8080"), (status, location.to_owned()), "{target}");
    }
}

#[test]
fn no_request_is_led_to_another_host_or_adds_a_field() {
    let server = Server::start(SITE);
    for (target, location) in [
        ("/go//evil.com", "/evil.com"),
        ("/go/%5Cevil.com", "/%5Cevil.com"),
        ("/go/\\evil.com", "/%5Cevil.com"),
        ("/gohttps://evil.com", "/https:/evil.com"),
        ("/cdn.evil.com/", "https://cdn.com/.evil.com/"),
        ("/cdn@evil.com", "https://cdn.com/@evil.com"),
        ("/cdn:80@evil.com", "https://cdn.com/:80@evil.com"),
        ("/raw/a?b%0d%0aX:%20y", "/old/raw/a?b%0d%0aX:%20y"),
        ("/moved/%E5%98%8A%E5%98%8DX:y", "/new/moved/%E5%98%8A%E5%98%8DX:y"),
        ("//evil.com/../moved/x", "/new/moved/x"),
    ] {
        assert_eq!(ask(&server, target, "foobar.com"), (301, location.to_owned()), "{target}");
    }
    for target in ["/moved/%0d%0aX:%20y", "/raw/%0aX:y", "/go%0d%0aX:y", "/u/7/%00"] {
        assert_eq!(ask(&server, target, "foobar.com"), (400, String::new()), "{target}");
    }
    for host in ["evil.com/x", "a@evil.com", "a b", "evil.com\\@x", ""] {
        assert_eq!(ask(&server, "/tls", host), (400, String::new()), "{host}");
    }
    let text = server.talk("GET /tls HTTP/1.0\r\n\r\n");
    assert_eq!((status(&text), text.contains("\r\nlocation: ")), (400, false), "{text}");
}

#[test]
fn a_redirect_that_depends_on_the_path_is_given_by_the_fast_path() {
    let server = Server::start(SITE);
    let mut client = server.connect();
    let before = server.figure("answered_at_once_total");
    for (path, location) in [("/moved/a", "/new/moved/a"), ("/u/7", "/users/7"), ("/here", "http://a:81/there")] {
        assert_eq!(client.get(path).header("location"), Some(location));
    }
    assert_eq!(server.figure("answered_at_once_total"), before + 2, "the fast path does not know the scheme");
}

#[test]
fn a_route_by_pattern_serves_files_under_their_whole_path_and_the_application() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::create_dir(root.path().join("fonts")).expect("the folder is writable");
    std::fs::write(root.path().join("fonts/a.woff2"), "font").expect("the folder is writable");
    let server = Server::start(&format!(
        "[sites.a.routes]\n'~ [.]woff2$' = {{ files = '{}', add_header = ['* Access-Control-Allow-Origin: *'] }}\n\
         '~ ^/api/v[12]/'.app = true\n'/'.respond = 404\n",
        root.path().display()
    ));
    let mut client = server.connect();
    let font = client.get("/fonts/a.woff2");
    assert_eq!((font.body.as_str(), font.header("access-control-allow-origin")), ("font", Some("*")));
    assert_eq!(client.get("/fonts/b.woff2").status(), 404);
    assert_eq!(client.get("/api/v2/x").body, "GET /api/v2/x");
    assert_eq!(client.get("/api/v3/x").status(), 404);
}

#[test]
fn what_is_no_variable_no_pattern_and_no_place_is_an_error_that_names_its_key() {
    for (toml, start) in [
        (
            "'/x'.redirect = '/$foo'",
            "`sites.a.routes.\"/x\".redirect`: \"/$foo\" cannot be used: $foo is no variable; accepted are $req",
        ),
        (
            "'/x'.redirect = '/$1'",
            "`sites.a.routes.\"/x\".redirect`: \"/$1\" cannot be used: $1 is no variable; accepted are",
        ),
        (
            "'~ ^/x$'.redirect = '/$1'",
            "`sites.a.routes.\"~ ^/x$\".redirect`: \"/$1\" cannot be used: $1 is no variable",
        ),
        ("'/x'.redirect = 'https://$uri'", "`sites.a.routes.\"/x\".redirect`: \"https://$uri\" has no host of its own"),
        ("'/x'.redirect = ''", "`sites.a.routes.\"/x\".redirect`: \"\" is no URL"),
        ("'~ ^/(x$'.respond = 200", "`sites.a.routes.\"~ ^/(x$\"`: \"^/(x$\" is no pattern: unclosed group"),
        (
            "'~ ^/(?<args>.*)$'.redirect = '/x/$args'",
            "`sites.a.routes.\"~ ^/(?<args>.*)$\"`: \"^/(?<args>.*)$\" has a group `args`, as one of the variables",
        ),
        ("'~'.respond = 200", "`sites.a.routes.\"~\"`: there is no pattern"),
    ] {
        let (web, sites) = settings(&format!("[sites.a.routes]\n{toml}\n"));
        let error = Web::new(&web, &sites, None).err().expect(toml).to_string();
        assert!(error.starts_with(start), "{error}");
    }
}

//! What proxies say of their clients: everywhere where they are trusted, nowhere else.

use std::sync::Arc;

use foobar_core::{ConnectInfo, Request, Response, ResponseBody, handler_fn};

use crate::support::{Answer, Client, Server, answer, log_of, wait_until};

/// Answers `/fast` by the fast path, all else by the application, which says what it was told of the client.
fn server(web: &str, sites: &str) -> Server {
    let toml = format!(
        "[web]\n{web}\n[sites.a]\nserver_name = ['a']\n{sites}\n[sites.a.routes.'/fast']\nrespond = 200\nbody = 'fast'\n"
    );
    Server::with(&toml, Some(Arc::new(handler_fn(told))))
}

async fn told(request: Request) -> Response {
    if request.uri().path() == "/never" {
        return answer(request).await;
    }
    let connection = request.extensions().get::<ConnectInfo>().copied().expect("the web tier says where it came from");
    let client = connection.remote.map_or("-".to_owned(), |remote| remote.ip().to_string());
    let is_claim = |name: &str| name.contains("forward") || name.ends_with("-ip");
    let mut claims: Vec<_> = request.headers().iter().filter(|(name, _)| is_claim(name.as_str())).collect();
    claims.sort_by_key(|(name, _)| name.as_str());
    let claims: Vec<_> =
        claims.iter().map(|(name, value)| format!("{name}={}", value.to_str().expect("it is text"))).collect();
    Response::new(ResponseBody::full(format!("{client} {} {}", connection.scheme.as_str(), claims.join(" "))))
}

fn ask(client: &mut Client, path: &str, fields: &str) -> Answer {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    client.answer()
}

/// All that there is to claim.
const CLAIMS: &str = "Forwarded: for=192.0.2.66;proto=https;host=evil\r\nX-Forwarded-For: 192.0.2.66, 203.0.113.9\r\n\
    X-Forwarded-Proto: https\r\nX-Forwarded-Host: b.com\r\nX-Real-IP: 192.0.2.66\r\nTrue-Client-IP: 192.0.2.66\r\n\
    CF-Connecting-IP: 192.0.2.66\r\nX-Forwarded-Port: 1\r\nX-Original-Forwarded-For: 192.0.2.66\r\n";

/// The clients in the log, for a request of each kind.
fn logged(trusted: &str) -> Vec<String> {
    let log = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let server = server(&format!("access_log = '{}'\ntrusted_proxies = {trusted}", log.path().display()), "");
    let mut client = server.connect();
    for path in ["/fast", "/app"] {
        assert_eq!(ask(&mut client, path, CLAIMS).status(), 200);
        assert_eq!(ask(&mut client, path, "X-Forwarded-For: 203.0.113.10\r\n").status(), 200);
        assert_eq!(ask(&mut client, path, "Forwarded: for=\"[2001:db8::1]:80\"\r\n").status(), 200);
        let twice = "X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-For: 203.0.113.11, 127.0.0.1\r\n";
        assert_eq!(ask(&mut client, path, twice).status(), 200);
        let mixed = "X-Forwarded-Proto: https\r\nForwarded: for=203.0.113.13\r\n";
        assert_eq!(ask(&mut client, path, mixed).status(), 200);
    }
    server.talk("GET /bad HTTP/1.1\r\nX-Forwarded-For: 203.0.113.12\r\nHost: a\r\nbad\r\n\r\n");
    server.talk("GET /fast HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    server.drain_at_leisure();
    assert_eq!(server.figure("answered_at_once_total"), 5, "all of /fast, but for a field that came twice");
    let text = log_of(&server, log.path());
    text.lines().map(|line| line.split(' ').next().expect("a client").to_owned()).collect()
}

#[test]
fn a_trusted_proxy_names_the_client_in_the_log_of_the_fast_path_and_of_the_waiting_one() {
    let clients = ["203.0.113.9", "203.0.113.10", "2001:db8::1", "203.0.113.11", "127.0.0.1"];
    let expected = [&clients[..], &clients, &["203.0.113.12", "127.0.0.1"]].concat();
    assert_eq!(logged("['127.0.0.1']"), expected);
}

#[test]
fn a_client_that_is_no_trusted_proxy_has_its_own_address_in_the_log_whatever_it_sends() {
    assert_eq!(logged("[]"), ["127.0.0.1"; 12]);
    assert_eq!(logged("['10.0.0.0/8', '::1', 'unix']"), ["127.0.0.1"; 12]);
}

#[test]
fn the_application_gets_what_is_true_and_from_strangers_nothing() {
    let trusting = server("trusted_proxies = ['127.0.0.0/8']", "");
    assert_eq!(
        ask(&mut trusting.connect(), "/", CLAIMS).body,
        "203.0.113.9 https cf-connecting-ip=203.0.113.9 forwarded=for=203.0.113.9;host=\"b.com\";proto=https \
         true-client-ip=203.0.113.9 x-forwarded-for=203.0.113.9 x-forwarded-host=b.com x-forwarded-proto=https \
         x-real-ip=203.0.113.9"
    );
    assert_eq!(ask(&mut trusting.connect(), "/", "").body, "127.0.0.1 http ");
    let both = "X-Forwarded-Proto: https\r\nForwarded: for=203.0.113.9;proto=http;host=b.com\r\n";
    assert_eq!(
        ask(&mut trusting.connect(), "/", both).body,
        "127.0.0.1 https forwarded=for=127.0.0.1;proto=https x-forwarded-proto=https"
    );
    let wary = server("trusted_proxies = ['10.0.0.0/8']", "");
    assert_eq!(ask(&mut wary.connect(), "/", CLAIMS).body, "127.0.0.1 http ");
}

#[test]
fn a_trusted_proxy_names_the_request_and_a_client_does_not() {
    const NAME: &str = "X-Request-ID: 550e8400-e29b-41d4-a716-446655440000\r\n";
    for trusted in ["['127.0.0.1']", "[]"] {
        let log = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
        let path = log.path().display();
        let server = server(
            &format!("access_log = '{path}'\nlog_format = 'combined_id'\ntrusted_proxies = {trusted}"),
            "routes.'/gone'.respond = 410",
        );
        let mut client = server.connect();
        let is_taken = |id: Option<&str>| id == Some(&NAME[14..NAME.len() - 2]);
        for path in ["/fast", "/app", "/gone"] {
            let answer = ask(&mut client, path, NAME);
            assert_eq!(is_taken(answer.header("x-request-id")), trusted != "[]", "{path}: {answer:?}");
            for bad in [
                "X-Request-Id: <b>\r\n".to_owned(),
                format!("X-Request-Id: a\r\n{NAME}"),
                "X-Request-Id:\r\n".to_owned(),
            ] {
                let own = ask(&mut client, path, &bad);
                let id = own.header("x-request-id").expect("it has one");
                assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{bad}: {id}");
            }
        }
        let gone = ask(&mut client, "/gone", NAME);
        let id = gone.header("x-request-id").expect("it has one").to_owned();
        assert!(gone.body.contains(&format!("urn:foobar:request:{id}")), "{gone:?}");
        let bad = server.talk(format!("GET /bad HTTP/1.1\r\n{NAME}Host: a\r\nbad\r\n\r\n"));
        assert_eq!(bad.contains("550e8400-e29b"), trusted != "[]", "{bad}");
        server.drain_at_leisure();
        let text = log_of(&server, log.path());
        assert_eq!(
            text.matches("\" \"550e8400-e29b-41d4-a716-446655440000\"\n").count(),
            if trusted == "[]" { 0 } else { 5 }
        );
    }
}

#[test]
fn the_www_redirect_has_the_scheme_that_a_trusted_proxy_names() {
    for (trusted, scheme) in [("['127.0.0.1']", "https"), ("[]", "http")] {
        let server = server(&format!("trusted_proxies = {trusted}"), "www = 'add'");
        let answer = ask(&mut server.connect(), "/fast?x", "X-Forwarded-Proto: https\r\n");
        assert_eq!(answer.header("location"), Some(format!("{scheme}://www.a/fast?x").as_str()));
    }
}

#[test]
fn connections_per_address_counts_the_requests_of_a_proxys_client_and_not_the_proxy() {
    let server = server("trusted_proxies = ['127.0.0.1']\nconnections_per_address = 1", "");
    const ONE: &str = "X-Forwarded-For: 203.0.113.9\r\n";
    let mut waiting = server.connect();
    waiting.send_to(&server, format!("GET /never HTTP/1.1\r\nHost: a\r\n{ONE}\r\n"));
    let mut proxy = server.connect();
    for path in ["/fast", "/app"] {
        let refused = ask(&mut proxy, path, ONE);
        assert_eq!((refused.status(), refused.header("retry-after")), (429, Some("1")), "{path}");
        assert_eq!(refused.header("connection"), None, "the proxy's connection goes on");
        assert_eq!(ask(&mut proxy, path, "X-Forwarded-For: 203.0.113.10\r\n").status(), 200, "{path}");
        assert_eq!(ask(&mut proxy, path, "").status(), 200, "{path}");
    }
    drop(waiting);
    server.pass(std::time::Duration::from_secs(2)); // a client that closes may still read
    wait_until("its place is free again", || ask(&mut proxy, "/fast", ONE).status() == 200);
}

#[test]
fn an_answer_of_the_fast_path_has_its_clients_place_until_it_has_been_taken() {
    let long = "x".repeat(8 << 20);
    let routes = format!("[sites.a.routes.'/long']\nrespond = 200\nbody = '{long}'");
    let server = server("trusted_proxies = ['127.0.0.1']\nconnections_per_address = 1", &routes);
    const ONE: &str = "X-Forwarded-For: 203.0.113.9\r\n";
    let mut slow = server.connect();
    slow.send_to(&server, format!("GET /long HTTP/1.1\r\nHost: a\r\n{ONE}\r\n"));
    let mut proxy = server.connect();
    assert_eq!(ask(&mut proxy, "/fast", ONE).status(), 429);
    assert_eq!(slow.answer().body.len(), long.len());
    wait_until("its place is free again", || ask(&mut proxy, "/fast", ONE).status() == 200);
}

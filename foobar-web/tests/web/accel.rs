//! X-Accel-Redirect: an application's response that names the file to be sent.

use std::sync::Arc;
use std::time::Duration;

use foobar_core::{Request, Response, ResponseBody, handler_fn};
use tempfile::TempDir;

use crate::support::{Answer, Client, Server};

/// An application that says what the query of the request says: fields, divided by `&`, with `_` for a space.
pub(crate) async fn naming(request: Request) -> Response {
    let mut response = Response::new(ResponseBody::full("the body of the application"));
    *response.status_mut() = http::StatusCode::CREATED;
    for field in request.uri().query().unwrap_or_default().split('&') {
        let (name, value) = field.split_once('=').expect("a field has a value");
        let name = http::HeaderName::try_from(name).expect("it is a name");
        response.headers_mut().append(name, value.replace('_', " ").parse().expect("it is a value"));
    }
    response
}

/// A site with an internal folder `/protected/` and a public one.
fn start() -> (TempDir, Server) {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    for (name, text) in
        [("public/page.html", "page"), ("secret/a b.txt", "0123456789"), ("secret/d/index.html", "index")]
    {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is writable");
        std::fs::write(path, text).expect("the folder is writable");
    }
    let toml = format!(
        "[sites.a]\nroot = '{0}/public'\nerror_page = ['404 /page.html']\n\
         [sites.a.routes]\n'/fixed' = {{ respond = 200 }}\n'/app/' = {{ app = true }}\n\
         [sites.a.routes.'/protected/']\nfiles = '{0}/secret'\ninternal = true\ncache_control = ['* 1h']\n",
        folder.path().display()
    );
    let server = Server::with(&toml, Some(Arc::new(handler_fn(naming))));
    (folder, server)
}

pub(crate) fn ask(client: &mut Client, method: &str, query: &str, fields: &str) -> Answer {
    client.send(format!("{method} /app/?{query} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{fields}\r\n"));
    client.answer_to(method)
}

const FILE: &str = "X-Accel-Redirect=/protected/a%20b.txt?ignored";

#[test]
fn an_internal_route_is_not_there_for_clients() {
    let (_folder, server) = start();
    let mut client = server.connect();
    for path in ["/protected/a%20b.txt", "/protected/", "/x/../protected/d/", "//protected/d"] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status(), answer.body.as_str()), (404, "page"), "{path}");
    }
    assert_eq!(ask(&mut client, "GET", FILE, "").body, "0123456789");
}

#[test]
fn the_file_takes_the_place_of_the_response_and_answers_the_client() {
    let (_folder, server) = start();
    let mut client = server.connect();
    let file = ask(&mut client, "GET", FILE, "");
    assert_eq!((file.status(), file.body.as_str(), file.header("content-length")), (200, "0123456789", Some("10")));
    assert_eq!(file.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!((file.header("cache-control"), file.expires_after()), (Some("max-age=3600"), Some(3600)));
    assert_eq!(file.header("x-accel-redirect"), None);
    let tag = file.header("etag").expect("it is a file as any other").to_owned();

    let part = ask(&mut client, "GET", FILE, "Range: bytes=2-4\r\n");
    assert_eq!((part.status(), part.body.as_str(), part.header("content-range")), (206, "234", Some("bytes 2-4/10")));
    let same = ask(&mut client, "GET", FILE, &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((same.status(), same.body.as_str()), (304, ""));
    let beyond = ask(&mut client, "GET", FILE, "Range: bytes=10-\r\n");
    assert_eq!((beyond.status(), beyond.header("content-range")), (416, Some("bytes */10")));
    assert_eq!(ask(&mut client, "GET", FILE, "If-Match: \"x\"\r\n").status(), 412);
    for field in ["Range: bytes=2-4", "If-Match: \"x\"", &format!("If-None-Match: {tag}")] {
        let posted = ask(&mut client, "POST", FILE, &format!("{field}\r\n"));
        assert_eq!((posted.status(), posted.body.as_str()), (200, "0123456789"), "{field}");
    }
    let head = ask(&mut client, "HEAD", FILE, "");
    assert_eq!((head.status(), head.header("content-length"), head.body.as_str()), (200, Some("10"), ""));
}

#[test]
fn what_the_application_said_of_the_file_stays_and_the_rest_goes() {
    let (_folder, server) = start();
    let mut client = server.connect();
    let said = "Content-Type=image/png&Content-Disposition=attachment&Cache-Control=private&Expires=0&Vary=Cookie\
                &Set-Cookie=a=b&Set-Cookie=c=d&Content-Security-Policy=sandbox\
                &ETag=mine&Last-Modified=x&Location=/x&Content-Encoding=br&X-Powered-By=y&X-Accel-Limit-Rate=0";
    let file = ask(&mut client, "GET", &format!("{FILE}&{said}"), "");
    assert_eq!((file.status(), file.body.as_str()), (200, "0123456789"));
    for (name, value) in [
        ("content-type", Some("image/png")),
        ("content-disposition", Some("attachment")),
        ("cache-control", Some("private")),
        ("expires", Some("0")),
        ("content-security-policy", Some("sandbox")),
        ("location", None),
        ("content-encoding", None),
        ("x-powered-by", None),
        ("x-accel-limit-rate", None),
    ] {
        assert_eq!(file.header(name), value, "{name}");
    }
    assert!(file.head.contains("set-cookie: a=b\r\n") && file.head.contains("set-cookie: c=d\r\n"), "{}", file.head);
    assert!(file.head.to_lowercase().contains("vary: cookie\r\n"), "{}", file.head);
    let tag = file.header("etag").expect("the file's").to_owned();
    assert_ne!(tag, "mine");

    let same = ask(&mut client, "GET", &format!("{FILE}&{said}"), &format!("If-None-Match: {tag}\r\n"));
    assert_eq!(
        (same.status(), same.header("content-type"), same.header("cache-control")),
        (304, None, Some("private"))
    );
    let expiring = ask(&mut client, "GET", &format!("{FILE}&Expires=0"), "");
    assert_eq!((expiring.header("expires"), expiring.header("cache-control")), (Some("0"), None));
    let kept = ask(&mut client, "GET", &format!("{FILE}&Cache-Control=no-cache"), "");
    assert_eq!((kept.header("expires"), kept.header("cache-control")), (None, Some("no-cache")));
    let parts = ask(&mut client, "GET", &format!("{FILE}&{said}"), "Range: bytes=0-0,4-4\r\n");
    assert_eq!((parts.status(), parts.header("content-type")), (200, Some("image/png")));
    let parts = ask(&mut client, "GET", FILE, "Range: bytes=0-0,4-4\r\n");
    assert_eq!(parts.status(), 206);
}

#[test]
fn a_target_that_is_no_file_is_an_error_and_never_shown() {
    let (_folder, server) = start();
    let mut client = server.connect();
    for (target, status) in [
        ("/protected/none", 404),
        ("/protected", 404),
        ("/protected/d", 404),
        ("/else", 404),
        ("/fixed", 500),
        ("/app/", 500),
        ("", 500),
        ("@named", 500),
        ("http://a/page.html", 500),
        ("/protected/../page.html", 500),
        ("/protected/%2e%2e/page.html", 500),
        ("/protected/%zz", 500),
        ("/protected/a%20b.txt&X-Accel-Redirect=/page.html", 500),
    ] {
        let answer = ask(&mut client, "GET", &format!("X-Accel-Redirect={target}&Set-Cookie=a=b"), "");
        assert_eq!(answer.status(), status, "{target}");
        assert_eq!(answer.header("set-cookie"), Some("a=b"), "{target}");
        assert!(!answer.head.contains("accel") && !answer.body.contains("application"), "{answer:?}");
    }
    for (target, body) in [("/page.html", "page"), ("/protected/d/", "index")] {
        assert_eq!(ask(&mut client, "GET", &format!("X-Accel-Redirect={target}"), "").body, body, "{target}");
    }
}

#[test]
fn the_application_may_slow_a_file_down() {
    let (folder, server) = start();
    std::fs::write(folder.path().join("secret/big"), vec![b'x'; 6_000]).expect("the folder is writable");
    let mut client = server.connect();
    let query = "X-Accel-Redirect=/protected/big&X-Accel-Limit-Rate=4000";
    let (took, slow) = server.time_for(|| ask(&mut client, "GET", query, ""));
    assert_eq!((slow.status(), slow.body.len()), (200, 6_000));
    assert!(took > Duration::from_millis(1_300), "{took:?}");
}

#[test]
fn what_an_application_says_to_the_server_does_not_reach_the_client() {
    let (_folder, server) = start();
    let mut client = server.connect();
    let fields = "X-Accel-Limit-Rate=40&X-Accel-Buffering=no&X-Accel-Expires=10&X-Accel-Charset=x&X-Powered-By=y";
    let (took, own) = server.time_for(|| ask(&mut client, "GET", fields, ""));
    assert_eq!((own.status(), own.body.as_str()), (201, "the body of the application"));
    assert!(!own.head.to_lowercase().contains("x-accel") && own.header("x-powered-by") == Some("y"), "{}", own.head);
    assert!(took > Duration::from_millis(400), "{took:?}");
}

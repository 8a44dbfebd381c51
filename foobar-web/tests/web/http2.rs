//! HTTP/2 as curl speaks it: over TLS and by prior knowledge, with the answers that HTTP/1 gives.

use std::fs;
use std::process::Command;

use foobar_web::{Address, WebTier};

use super::support::Server;
use super::support::tls::Authority;

/// A server that speaks HTTP/2 over TLS and without, of one site at `a.test` that has these files.
pub(crate) fn server(authority: &Authority, web: &str, files: &[(&str, &[u8])]) -> Server {
    let certificate = authority.issue("a", &["a.test"]);
    let root = authority.path("root");
    fs::create_dir_all(&root).expect("the temporary folder is writable");
    files.iter().for_each(|(name, content)| fs::write(root.join(name), content).expect("a file can be written"));
    Server::start(&format!(
        "[web]\nlisten = [\"127.0.0.1:0\", \"127.0.0.2:0 ssl\"]\nhttp2 = \"cleartext\"\n{web}[sites.a]\nserver_name = \"a.test\"\nhttps = \"keep\"\nroot = {root:?}\n{}",
        certificate.settings()
    ))
}

/// What curl prints of these requests, which are for the same server: one to each path.
fn curl(server: &Server, options: &[&str], paths: &[&str]) -> String {
    let (scheme, address) = match options.contains(&"--http2") {
        true => ("https", server.tls_address()),
        false => ("http", plain(server)),
    };
    let resolve = format!("a.test:{}:{}", address.port(), address.ip());
    let urls = paths.iter().map(|path| format!("{scheme}://a.test:{}{path}", address.port()));
    let output = Command::new("curl")
        .args(["-s", "-S", "-k", "--max-time", "60", "--resolve", &resolve])
        .args(options)
        .args(urls)
        .output()
        .expect("curl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn plain(server: &Server) -> std::net::SocketAddr {
    let tcp = |address| if let Address::Tcp(address) = address { Some(address) } else { None };
    server.web.addresses().into_iter().find_map(tcp).expect("it listens on TCP")
}

const WAYS: [&str; 2] = ["--http2", "--http2-prior-knowledge"];

#[test]
fn files_and_the_application_are_answered_over_http2() {
    let authority = Authority::new();
    let large: String = (0..3_000_000_u32).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let server = server(&authority, "", &[("small.txt", b"small"), ("large.txt", large.as_bytes())]);
    for way in WAYS {
        let version = ["-w", "\n%{http_version} %{response_code}\n", way];
        for _ in 0..2 {
            assert_eq!(curl(&server, &version, &["/small.txt"]), "small\n2 200\n");
            assert_eq!(curl(&server, &version, &["/app?x"]), "GET /app?x\n2 200\n");
            assert!(curl(&server, &[way], &["/large.txt"]) == large, "{way}");
        }
        let body = format!("@{}", authority.path("root").join("large.txt").display());
        let sent = ["--data-binary", &body[..], way];
        assert!(curl(&server, &[&sent[..], &["-H", "Expect:"]].concat(), &["/echo"]).len() > 100, "{way}");
    }
}

#[test]
fn http1_goes_on_where_http2_may_begin() {
    let authority = Authority::new();
    let server = server(&authority, "", &[("small.txt", b"small")]);
    let version = ["-w", " %{http_version}\n"];
    assert_eq!(curl(&server, &version, &["/small.txt", "/small.txt"]), "small 1.1\nsmall 1.1\n");
    let mut slow = server.connect();
    slow.send("P");
    slow.send("OST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi");
    assert!(slow.answer().body.ends_with("hi"));
}

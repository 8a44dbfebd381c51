//! The site that is asked: files, limits, the application, pages of errors.

use std::path::Path;

pub(super) const SETTINGS: &str = "
[web]
listen = [\"127.0.0.1:0\", \"127.0.0.2:0 ssl\"]
keepalive_requests = 1000000000
client_max_body_size = \"64KiB\"
max_request_line = \"2KiB\"
max_headers = 60
[sites.default]
server_name = [\"localhost\", \"a.test\"]
default = true
ssl_certificate = \"certificate.pem\"
ssl_certificate_key = \"key.pem\"
https = \"keep\"
root = \"root\"
autoindex = \"html\"
cache_control = [\".css 1h\"]
add_header = [\"* X-Policy: strict\"]
error_page = [\"404 /404.html\", \"503 /50x.html\"]
[sites.default.routes]
\"/moved/\" = { redirect = \"/new/\", status = 308 }
\"= /teapot\" = { respond = 418, body = \"short and stout\" }
\"/protected/\" = { files = \"protected\", internal = true }
\"/small/\" = { app = true, client_max_body_size = \"10\" }
[sites.other]
server_name = \"other.test\"
ssl_certificate = \"certificate.pem\"
ssl_certificate_key = \"key.pem\"
https = \"keep\"
www = \"add\"
root = \"root\"
";

pub(super) const FILES: &[&str] = &[
    "/page.html",
    "/style.css",
    "/large.bin",
    "/seven.txt",
    "/empty.txt",
    "/folder/index.html",
    "/ready.txt",
    "/image.png",
];

pub(super) fn fill(place: &Path) {
    let root = place.join("root");
    let write = |name: &str, content: &[u8]| {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write("page.html", "<p>A page of some text. </p>".repeat(400).as_bytes());
    write("style.css", "body { color: black }\n".repeat(300).as_bytes());
    write("image.png", &(0..90_000_u32).map(|n| (n % 251) as u8).collect::<Vec<u8>>());
    write("empty.txt", b"");
    write("404.html", b"<h1>Nothing is here</h1>");
    write("50x.html", b"<h1>Sorry</h1>");
    write("folder/index.html", b"<h1>Folder</h1>");
    write("listed/one.txt", b"one");
    write("listed/with space.txt", b"two");
    write(".hidden", b"hidden");
    write("ready.txt", "ready ".repeat(1_000).as_bytes());
    write("ready.txt.gz", b"\x1f\x8b not checked");
    std::fs::create_dir(place.join("protected")).unwrap();
    std::fs::write(place.join("protected/file.txt"), "protected").unwrap();
}

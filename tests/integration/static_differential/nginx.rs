use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{Address, until};

/// A real nginx that serves a folder on a Unix socket, from a folder of its own. Killed when dropped.
pub(super) struct Nginx {
    child: Child,
    _place: tempfile::TempDir,
    pub(super) address: Address,
}

const PROGRAM: &str = "/usr/sbin/nginx";

impl Nginx {
    /// Starts it, with these directives of its server, and waits until it answers.
    pub(super) fn start(root: &Path, directives: &str) -> Self {
        Self::with(root, "", directives)
    }

    /// The same with some that stand beside its server.
    pub(super) fn with(root: &Path, beside: &str, directives: &str) -> Self {
        assert!(Path::new(PROGRAM).exists(), "{PROGRAM} is missing: install nginx (tests/run does it on Debian)");
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("socket");
        let configuration = place.path().join("nginx.conf");
        std::fs::write(&configuration, text(place.path(), root, beside, directives)).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("-p").arg(place.path()).arg("-c").arg(&configuration).args(["-e", "stderr"]);
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        until("nginx listens", || {
            assert_eq!(child.try_wait().unwrap(), None, "nginx ended");
            std::os::unix::net::UnixStream::connect(&socket).ok()
        });
        Self { child, _place: place, address: Address::Unix(socket) }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.child.kill()); // it may have ended
        drop(self.child.wait());
    }
}

/// Its defaults, with Debian's media types for the names that are asked for; what differs has its reason in a line.
fn text(place: &Path, root: &Path, beside: &str, directives: &str) -> String {
    let (place, root) = (place.display(), root.display());
    format!(
        "daemon off;
        master_process off;
        pid {place}/pid;
        error_log stderr emerg;
        events {{ worker_connections 256; }}
        http {{
            access_log off;
            client_body_temp_path {place}/body;
            proxy_temp_path {place}/proxy;
            fastcgi_temp_path {place}/fastcgi;
            uwsgi_temp_path {place}/uwsgi;
            scgi_temp_path {place}/scgi;
            keepalive_requests 1000000000;
            max_ranges 256;
            add_header X-Policy strict always;
            charset utf-8;
            charset_types text/x-odd text/css text/plain text/xml text/markdown application/javascript image/svg+xml;
            gzip_static on;
            gzip_vary on;
            gzip_http_version 1.0;
            gzip_proxied any;
            default_type application/octet-stream;
            types {{
                text/html html htm shtml;
                text/css css;
                text/xml xml;
                text/plain txt;
                text/markdown md;
                video/mp4 mp4;
                application/javascript js;
                application/json json;
                application/pdf pdf;
                application/wasm wasm;
                application/zip zip;
                font/woff2 woff2;
                image/gif gif;
                image/jpeg jpeg jpg;
                image/png png;
                image/svg+xml svg svgz;
                image/vnd.microsoft.icon ico;
            }}
            {beside}
            server {{
                listen unix:{place}/socket;
                absolute_redirect off;
                root {root};
                {directives}
            }}
        }}"
    )
}

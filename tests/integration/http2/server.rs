use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore};

use crate::support::http2::Http2;
use crate::support::{Program, Wire};

/// The application `proving` with some files, over TLS and in the clear.
pub(crate) struct Server {
    pub(crate) program: Program,
    folder: tempfile::TempDir,
    client: ClientConfig,
}

const SETTINGS: &str = "
[web]
listen = [\"127.0.0.1:0\", \"127.0.0.2:0 ssl\"]
http2 = \"cleartext\"
keepalive_requests = 1000000000
client_max_body_size = \"16MiB\"
[sites.default]
ssl_certificate = \"certificate.pem\"
ssl_certificate_key = \"key.pem\"
https = \"keep\"
root = \"root\"
";

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// The same with these variables.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        Self::of(SETTINGS, variables, |_| {})
    }

    /// A server with these settings; the folder is filled before it starts.
    pub(crate) fn of(settings: &str, variables: &[(&str, &str)], fill: impl FnOnce(&std::path::Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = certify(folder.path());
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("seven.txt"), "proving").unwrap();
        std::fs::write(root.join("large.bin"), vec![b'x'; 1 << 20]).unwrap();
        fill(folder.path());
        std::fs::write(folder.path().join("foobar.toml"), settings).unwrap();
        let mut command = Program::example("proving", folder.path());
        let program = Program::start(command.env_remove("FOOBAR__WEB__LISTEN").envs(variables.iter().copied()));
        Self { program, folder, client }
    }

    /// Has it go by another configuration: one that answers `/page` with this.
    pub(crate) fn reload(&mut self, page: &str) {
        let route = format!("[sites.default.routes.\"/page\"]\nrespond = 200\nbody = {page:?}\n");
        std::fs::write(self.folder.path().join("foobar.toml"), format!("{SETTINGS}{route}")).unwrap();
        self.program.signal("HUP");
        let told = self.program.until_logged("reloaded");
        assert!(told.contains("has been reloaded"), "{told}");
    }

    /// A connection in the clear.
    pub(crate) fn wire(&self) -> Wire {
        Wire::clear(&self.program.address)
    }

    /// A connection over TLS that offers these protocols.
    pub(crate) fn tls(&self, protocols: &[&str]) -> Wire {
        let mut client = self.client.clone();
        client.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Wire::tls(&self.program.tls_address, &Arc::new(client))
    }

    /// HTTP/2 in the clear.
    pub(crate) fn http(&self) -> Http2 {
        Http2::with(self.wire(), &[])
    }
}

/// Writes a certificate and its key; a client that trusts it.
fn certify(folder: &std::path::Path) -> ClientConfig {
    let names = ["localhost", "127.0.0.2"].map(str::to_owned);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    std::fs::write(folder.join("certificate.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(folder.join("key.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    config.with_root_certificates(roots).with_no_client_auth()
}

//! Certificates for tests, and a client that speaks TLS.

#![expect(clippy::unwrap_used, reason = "a failure here is one of the test that asks")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use foobar_web::{Address, WebTier};
use rcgen::{
    CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SignatureAlgorithm, date_time_ymd,
};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{PATIENCE, Server};

/// An authority that signs certificates, and the folder where they are.
pub(crate) struct Authority {
    pub(crate) folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The files of a certificate and its key.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    serial: Vec<u8>,
}

/// Of certificates; each has a serial number of its own.
static COUNT: AtomicU32 = AtomicU32::new(1 << 24);

/// The years in which a certificate is valid.
pub(crate) const VALID: (i32, i32) = (1971, 4000);

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named(&format!("Authority {}", COUNT.fetch_add(1, Relaxed)), VALID)
    }

    /// One of this name, whose own certificate is valid in these years.
    pub(crate) fn named(name: &str, years: (i32, i32)) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), issuer }
    }

    /// A certificate by ECDSA for these names.
    pub(crate) fn issue(&self, file: &str, names: &[&str]) -> Files {
        self.issue_by(file, names, VALID, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub(crate) fn issue_by(
        &self,
        file: &str,
        names: &[&str],
        years: (i32, i32),
        algorithm: &'static SignatureAlgorithm,
    ) -> Files {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        params.distinguished_name.push(rcgen::DnType::CommonName, file);
        let serial = COUNT.fetch_add(1, Relaxed).to_be_bytes().to_vec();
        params.serial_number = Some(serial.clone().into());
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (certificate_file, key_file) = (self.path(&format!("{file}.pem")), self.path(&format!("{file}.key")));
        let files = Files { certificate: certificate_file, key: key_file, serial };
        write(&files.certificate, &(certificate.pem() + &self.issuer.pem()), 0o644);
        write(&files.key, &key.serialize_pem(), 0o600);
        files
    }

    /// A list of revoked certificates in PEM, which is valid up to a year.
    pub(crate) fn revoke(&self, file: &str, revoked: &[&Files], until: i32) -> PathBuf {
        self.write_list(file, revoked, until, false)
    }

    /// The same in DER.
    pub(crate) fn revoke_in_der(&self, file: &str, revoked: &[&Files], until: i32) -> PathBuf {
        self.write_list(file, revoked, until, true)
    }

    fn write_list(&self, file: &str, revoked: &[&Files], until: i32, in_der: bool) -> PathBuf {
        let revoked = revoked.iter().map(|files| RevokedCertParams {
            serial_number: files.serial.clone().into(),
            revocation_time: date_time_ymd(1990, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(1971, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: 1_u64.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).unwrap();
        let content = if in_der { list.der().to_vec() } else { list.pem().unwrap().into_bytes() };
        std::fs::write(self.path(file), content).unwrap();
        self.path(file)
    }

    /// The file with its own certificate.
    pub(crate) fn root(&self) -> PathBuf {
        write(&self.path("root.pem"), &self.issuer.pem(), 0o644);
        self.path("root.pem")
    }

    /// A client that trusts this authority and shows a certificate.
    pub(crate) fn client_with(&self, files: &Files) -> ClientConfig {
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(self.roots());
        let chain = CertificateDer::pem_file_iter(&files.certificate).unwrap().map(Result::unwrap).collect();
        config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&files.key).unwrap()).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client that trusts this authority.
    pub(crate) fn client(&self) -> ClientConfig {
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(self.roots()).with_no_client_auth();
        config.resumption = Resumption::in_memory_sessions(8);
        config
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }
}

pub(crate) fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

impl Files {
    /// Leaves the server's own certificate alone in the file; gives those that followed it.
    pub(crate) fn cut_off_signers(&self) -> String {
        let mut own = std::fs::read_to_string(&self.certificate).unwrap();
        let signers = own.split_off(own.rfind("-----BEGIN").unwrap());
        write(&self.certificate, &own, 0o644);
        signers
    }

    /// Of these files, which somebody else has made.
    pub(crate) fn of(certificate: PathBuf, key: PathBuf) -> Self {
        Self { certificate, key, serial: Vec::new() }
    }

    /// The two settings of a site.
    pub(crate) fn settings(&self) -> String {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        format!("ssl_certificate = {:?}\nssl_certificate_key = {:?}\n", certificate.to_string(), key.to_string())
    }
}

/// A connection that speaks TLS.
pub(crate) struct TlsClient {
    pub(crate) stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl Server {
    /// The first address that speaks TLS.
    pub(crate) fn tls_address(&self) -> std::net::SocketAddr {
        let tls = |address| if let Address::Tls(address) = address { Some(address) } else { None };
        self.web.addresses().into_iter().find_map(tls).expect("it speaks TLS")
    }

    /// A TCP connection to that.
    pub(crate) fn tls_socket(&self) -> TcpStream {
        let socket = TcpStream::connect(self.tls_address()).expect("the server accepts");
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// A connection for this name, after its handshake.
    pub(crate) fn connect_tls(&self, config: &Arc<ClientConfig>, name: &str) -> std::io::Result<TlsClient> {
        let name = ServerName::try_from(name.to_owned()).expect("it is a name");
        let session = ClientConnection::new(Arc::clone(config), name).expect("the configuration is good");
        let mut stream = StreamOwned::new(session, self.tls_socket());
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(TlsClient { stream: BufReader::new(stream) })
    }
}

impl TlsClient {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
        self.stream.get_mut().flush().unwrap();
    }

    /// Reads one answer with a `Content-Length`: its head, and its content.
    pub(crate) fn answer(&mut self) -> (String, Vec<u8>) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.stream.read_line(&mut head).expect("the server answers") > 0, "closed after {head:?}");
        }
        let lower = head.to_ascii_lowercase();
        let length =
            lower.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the body comes whole");
        (head, body)
    }

    pub(crate) fn get(&mut self, host: &str, path: &str) -> (String, Vec<u8>) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        self.answer()
    }

    /// Reads to the end that the server announces; an end without a word is an error.
    pub(crate) fn rest(&mut self) -> std::io::Result<String> {
        let mut text = String::new();
        self.stream.read_to_string(&mut text).map(|_| text)
    }

    /// The names of the certificate that the server showed are those of this file.
    pub(crate) fn was_shown(&self, files: &Files) -> bool {
        let shown = self.stream.get_ref().conn.peer_certificates().expect("there was a handshake");
        CertificateDer::from_pem_file(&files.certificate).unwrap() == shown[0]
    }
}

/// What a TLS client was told instead of a handshake.
pub(crate) fn alert(refused: std::io::Result<TlsClient>) -> String {
    match refused {
        Ok(_) => panic!("the handshake is done"),
        Err(error) if error.kind() == ErrorKind::InvalidData => error.to_string(),
        Err(error) => panic!("no alert, but {error}"),
    }
}

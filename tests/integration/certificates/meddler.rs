use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::pebble::{Pebble, Place, authority};

/// An authority's server with answers of its own: what it does not answer goes to a real one. A request names that one's
/// address, so that the URLs which it gives lead here again.
pub(super) struct Meddler {
    folder: tempfile::TempDir,
    address: String,
    answered: Arc<AtomicUsize>,
    requests: Requests,
}

/// The requests, with their lines.
type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// From the line of a request and its answer by the real one, if there is one, to the answer; `None` to let that be.
pub(super) type Meddle = fn(line: &str, answer: &str) -> Option<String>;

impl Meddler {
    /// Starts one before this authority; `meddle` is asked of each request before it, with an empty answer, and after it.
    pub(super) fn start(place: &Place, pebble: &Pebble, meddle: Meddle) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [root, own, key] = authority(&place.address);
        std::fs::write(folder.path().join("ca.pem"), root).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let server =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let (own, key) =
            (CertificateDer::from_pem_slice(own.as_bytes()), PrivateKeyDer::from_pem_slice(key.as_bytes()));
        let server = Arc::new(server.with_no_client_auth().with_single_cert(vec![own.unwrap()], key.unwrap()).unwrap());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(pebble.authority()).unwrap()).unwrap();
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let client = Arc::new(client.with_root_certificates(roots).with_no_client_auth());
        let listener = TcpListener::bind((place.address.as_str(), 0)).unwrap();
        let (address, answered) = (listener.local_addr().unwrap().to_string(), Arc::<AtomicUsize>::default());
        let (real, name, count) = (pebble.address.clone(), place.address.clone(), answered.clone());
        let requests = Requests::default();
        let heard = requests.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let mut stream =
                    BufReader::new(StreamOwned::new(ServerConnection::new(server.clone()).unwrap(), socket));
                let Some((line, request)) = read(&mut stream) else { continue };
                heard.lock().unwrap().push((line.clone(), request.clone()));
                let answer = meddle(&line, "").inspect(|_| _ = count.fetch_add(1, Relaxed)).unwrap_or_else(|| {
                    let name = ServerName::try_from(name.clone()).unwrap();
                    let session = ClientConnection::new(client.clone(), name).unwrap();
                    let mut real = StreamOwned::new(session, TcpStream::connect(&real).unwrap());
                    real.write_all(&request).unwrap();
                    let mut answer = Vec::new();
                    drop(real.read_to_end(&mut answer)); // its end may be without a word
                    let answer = String::from_utf8(answer).unwrap();
                    meddle(&line, &answer).unwrap_or(answer)
                });
                drop(stream.get_mut().write_all(answer.as_bytes())); // the client may have gone
                stream.get_mut().conn.send_close_notify();
                drop(stream.get_mut().flush()); // the same
            }
        });
        Self { folder, address, answered, requests }
    }

    pub(super) fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What those who asked at this path have signed.
    pub(super) fn payloads(&self, path: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let at_path = requests.iter().filter(|(line, _)| line.starts_with(&format!("POST {path} ")));
        let payload = |(_, request): &(String, Vec<u8>)| {
            let text = String::from_utf8(request.clone()).unwrap();
            let body: serde_json::Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
            String::from_utf8(decoded(body["payload"].as_str().unwrap())).unwrap()
        };
        at_path.map(payload).collect()
    }

    /// How many requests it has answered by itself.
    pub(super) fn answered(&self) -> usize {
        self.answered.load(Relaxed)
    }
}

/// The line of a request, and all of it.
fn read(stream: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|length| *length > 0)?; // the client has gone
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?; // the same
    let line = head.lines().next()?.to_owned();
    Some((line, [head.into_bytes(), body].concat()))
}

/// An answer with this status, these fields and this content.
pub(super) fn answer(status: &str, fields: &str, content: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}\r\n{content}", content.len())
}

/// Of base64 for URLs, without padding.
fn decoded(text: &str) -> Vec<u8> {
    let (mut bits, mut many, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            _ => 63,
        };
        (bits, many) = (bits << 6 | u32::from(value), many + 6);
        if many >= 8 {
            many -= 8;
            bytes.push((bits >> many) as u8);
        }
    }
    bytes
}

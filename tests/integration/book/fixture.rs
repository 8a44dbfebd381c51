//! What the pages of the book name: a few files, certificates, and the folders of a system.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// Folders of a system that pages name, and the fixture has.
const SYSTEM: [&str; 4] = ["/srv/", "/etc/foobar/", "/var/", "/run/"];
/// Ports that pages name; those of the fixture are what the system gives.
const PORTS: [&str; 6] = ["53", "80", "443", "8080", "8443", "9180"];
const HOSTS: [&str; 3] = ["0.0.0.0", "127.0.0.1", "[::]"];

pub(super) fn fixture() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for page in ["index.html", "404.html", "50x.html"] {
        write(folder.path().join("public").join(page), "<!doctype html><title>A page</title>\n");
    }
    certificates(&folder.path().join("etc/foobar"));
    folder
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// `foobar.com.pem` and its key, `clients.pem` with the authority of clients, and `cert.pem` without its authority.
fn certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let names = ["foobar.com", "www.foobar.com"].map(str::to_owned);
    let params = CertificateParams::new(names).unwrap();
    write(folder.join("foobar.com.pem"), &params.self_signed(&key).unwrap().pem());
    write(folder.join("foobar.com.key"), &key.serialize_pem());
    let mut of_authority = CertificateParams::new([]).unwrap();
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    of_authority.distinguished_name.push(rcgen::DnType::CommonName, "An authority");
    let authority = CertifiedIssuer::self_signed(of_authority, KeyPair::generate().unwrap()).unwrap();
    write(folder.join("clients.pem"), &authority.pem());
    write(folder.join("cert.pem"), &params.signed_by(&key, &authority).unwrap().pem());
    write(folder.join("privkey.pem"), &key.serialize_pem());
}

/// The same configuration with the places and ports of the fixture.
pub(super) fn in_fixture(text: &str, folder: &Path) -> String {
    let mut text = text.to_owned();
    for place in SYSTEM {
        make_folders(&text, place, folder);
        text = text.replace(&format!("\"{place}"), &format!("\"{}{place}", folder.display()));
    }
    for (port, host) in PORTS.iter().flat_map(|port| HOSTS.iter().map(move |host| (port, host))) {
        text = text.replace(&format!("\"{host}:{port}\""), &format!("\"{host}:0\""));
        text = text.replace(&format!("\"{host}:{port} "), &format!("\"{host}:0 "));
    }
    text
}

/// What a page names there and is no file, by its name, is a folder; what is a file lies in one.
fn make_folders(text: &str, place: &str, folder: &Path) {
    for path in text.split('"').filter(|path| path.starts_with(place)) {
        let path = folder.join(&path[1..]);
        let made = if path.extension().is_some() { path.parent().unwrap() } else { &path };
        fs::create_dir_all(made).unwrap();
    }
}

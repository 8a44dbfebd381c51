//! Many starts of a server in this process, and many handshakes with one.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use foobar::Running;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::scene::Scene;
use crate::support::{number_of, until};

/// A server of this process whose site has this name.
async fn start(scene: &Scene, name: &str) -> Running {
    let public = scene.folder.path().join("public");
    std::fs::create_dir_all(&public).unwrap();
    let server = scene.server(name).set("sites.a.root", public.display().to_string());
    server.start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_starts_with_an_authority_that_refuses_one_makes_an_order() {
    let scene = Scene::new();
    let running = start(&scene, "blocked.test").await;
    until("the order is refused", || {
        scene.state("a.json").exists().then(|| scene.record()["last_error"].as_str().map(drop))?
    });
    running.stop().await;
    for _ in 1..100 {
        start(&scene, "blocked.test").await.stop().await;
    }
    assert_eq!(scene.pebble.orders(), 1);
}

/// One handshake; the certificate that was shown.
fn handshake(config: &Arc<ClientConfig>, scene: &Scene) -> Result<CertificateDer<'static>, String> {
    let name = ServerName::try_from("a.test").unwrap();
    let mut session = ClientConnection::new(config.clone(), name).unwrap();
    let socket = TcpStream::connect((scene.place.address.as_str(), scene.tls));
    let mut socket = socket.map_err(|error| error.to_string())?;
    while session.is_handshaking() {
        session.complete_io(&mut socket).map_err(|error| error.to_string())?;
    }
    Ok(session.peer_certificates().expect("it is authenticated")[0].clone().into_owned())
}

/// `FOOBAR_HANDSHAKES=100000` makes more of them.
#[tokio::test(flavor = "multi_thread")]
async fn no_handshake_fails_while_a_certificate_is_renewed() {
    let scene = Scene::new();
    let running = start(&scene, "a.test").await;
    until("it is issued", || {
        scene.state("a.json").exists().then(|| scene.record()["is_issued"].as_bool().filter(|is| *is))?
    });
    running.stop().await;
    let mut record = scene.record();
    (record["last_order"], record["renew_at"]) = (0.into(), 0.into());
    std::fs::write(scene.state("a.json"), record.to_string()).unwrap();

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(scene.pebble.root()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let config = Arc::new(config.with_no_client_auth());
    let before = CertificateDer::from_pem_file(scene.state("a.pem")).unwrap();
    let running = start(&scene, "a.test").await;
    let (most, done, is_renewed) =
        (number_of("FOOBAR_HANDSHAKES", 2000) as usize, AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while done.fetch_add(1, Relaxed) < most || !is_renewed.load(Relaxed) {
                    let shown = handshake(&config, &scene).unwrap();
                    if shown != before {
                        is_renewed.store(true, Relaxed);
                    }
                }
            });
        }
    });
    running.stop().await;
    assert_eq!(scene.pebble.orders(), 2);
}

/// Prints how long it takes from a start with an empty folder until a client gets a page over TLS that it trusts.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures: run it with --ignored --nocapture"]
async fn the_time_from_an_empty_folder_to_a_certificate_that_is_served() {
    let mut times = Vec::new();
    for _ in 0..10 {
        let scene = Scene::new();
        let root = scene.pebble.root();
        let url = format!("https://a.test:{}/", scene.tls);
        let begun = Instant::now();
        let running = start(&scene, "a.test").await;
        until("it is served", || Some(scene.curl(&root, &["-o", "/dev/null", &url])).filter(String::is_empty));
        times.push(begun.elapsed());
        running.stop().await;
    }
    times.sort();
    println!(
        "from an empty folder to a certificate that is served: {:?} (of 10: {:?} to {:?})",
        times[5], times[0], times[9]
    );
}

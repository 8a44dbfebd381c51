//! certbot, by the line of the guide, beside a server that speaks TLS already.

use std::fs;
use std::process::{Command, Stdio};

use super::scene::Scene;
use crate::support::Program;
use crate::support::guide::blocks;

/// The site as the guide has it, with a certificate that nobody trusts until there is another.
fn site(scene: &Scene) -> Program {
    let path = |name: &str| scene.folder.path().join(name);
    let old = rcgen::generate_simple_self_signed(["foobar.com".to_owned()]).unwrap();
    fs::create_dir(path("public")).unwrap();
    fs::write(path("public/index.html"), "hello").unwrap();
    fs::write(path("foobar.com.pem"), old.cert.pem()).unwrap();
    fs::write(path("foobar.com.key"), old.signing_key.serialize_pem()).unwrap();
    let mut command = Program::foobar(scene.folder.path());
    let address = &scene.place.address;
    command.env("FOOBAR__WEB__LISTEN", format!("{address}:{},{address}:{} ssl", scene.http, scene.tls));
    command.env("FOOBAR__SITES__SHOP__SERVER_NAME", "foobar.com").env("FOOBAR__SITES__SHOP__ROOT", "public");
    command.env("FOOBAR__SITES__SHOP__SSL_CERTIFICATE", "foobar.com.pem");
    Program::start(command.env("FOOBAR__SITES__SHOP__SSL_CERTIFICATE_KEY", "foobar.com.key"))
}

/// Answers what certbot would ask whoever runs it, and keeps what it writes in the folder that it runs in.
const FUNCTION: &str = r#"
certbot() {
    command certbot "$@" --server "$SERVER" --non-interactive --agree-tos --register-unsafely-without-email \
        --config-dir config --work-dir work --logs-dir logs
}
"#;

#[test]
fn certbot_of_the_guide_gets_a_certificate_through_the_files_of_a_site() {
    let scene = Scene::new();
    let _program = site(&scene);
    let [line] = blocks("deployment.md", "certbot_of_the_guide_gets_a_certificate_through_the_files_of_a_site")
        .try_into()
        .unwrap();
    let script = format!("{FUNCTION}{}", line.replace("/srv/shop/public", "public"));
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(scene.folder.path()).stdin(Stdio::null());
    let output = shell.env("SERVER", &scene.directory).env("REQUESTS_CA_BUNDLE", &scene.authority).output().unwrap();
    assert!(output.status.success(), "{output:?} (tests/run installs certbot on Debian)");

    for (of_certbot, of_site) in [("privkey.pem", "foobar.com.key"), ("fullchain.pem", "foobar.com.pem")] {
        let new = scene.folder.path().join("config/live/foobar.com").join(of_certbot);
        fs::copy(new, scene.folder.path().join(of_site)).unwrap();
    }
    scene.until_served("foobar.com");
}

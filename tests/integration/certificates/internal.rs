//! Certificates of the server's own authority.

use std::path::Path;
use std::process::Command;

use crate::support::Program;

/// The command of the binary, for a site at this name.
fn foobar(folder: &Path, name: &str) -> Command {
    let mut command = Program::foobar(folder);
    command.env("FOOBAR__WEB__LISTEN", "127.0.0.1:0 ssl").env("FOOBAR__SITES__A__SERVER_NAME", name);
    command.env("FOOBAR__SITES__A__ROOT", "public").env("FOOBAR__SITES__A__SSL_CERTIFICATE", "internal");
    std::fs::create_dir_all(folder.join("public")).unwrap();
    std::fs::write(folder.join("public/index.html"), "hello").unwrap();
    command.env_remove("STATE_DIRECTORY");
    command
}

#[test]
fn curl_trusts_a_site_by_the_authority_that_the_log_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(&mut foobar(folder.path(), "a.test"));
    let line = program.until_logged("ssl_certificate = \"internal\"");
    let authority = line.split("curl --cacert ").nth(1).unwrap().split('`').next().unwrap();
    let port = program.tls_address.rsplit(':').next().unwrap();
    for name in ["a.test", "localhost"] {
        let mut curl = Command::new("curl");
        curl.current_dir(folder.path()).args(["-sS", "--max-time", "60", "--cacert", authority]);
        curl.args(["--resolve", &format!("*:{port}:127.0.0.1"), &format!("https://{name}:{port}/")]);
        let output = curl.output().expect("curl is installed");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "hello", "{name}: {output:?}");
    }
}

#[test]
fn the_state_folder_is_that_of_the_service_manager_and_a_check_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("of-systemd");
    let mut command = foobar(folder.path(), "a.test");
    let output = command.env("STATE_DIRECTORY", &state).arg("check").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the public files");
    let program = Program::start(foobar(folder.path(), "a.test").env("STATE_DIRECTORY", &state));
    assert!(state.join("internal/ca.pem").exists());
    drop(program);
    assert!(!folder.path().join("state").exists());
}

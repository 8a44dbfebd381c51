//! What the guide says of deployments is taken by the programs that it is written for: systemd, nginx, Caddy, logrotate.

mod logs; // logrotate moves them away
mod proxies; // nginx and Caddy in front
mod service; // the commands for a service

use std::path::Path;
use std::process::Command;

use crate::support::Program;
use crate::support::guide::blocks;

#[test]
fn systemd_accepts_the_units_of_the_guide() {
    let folder = tempfile::tempdir().unwrap();
    let units = blocks("deployment.md", "systemd_accepts_the_units_of_the_guide");
    for (name, unit) in ["shop.service", "shop.socket"].iter().zip(&units) {
        let unit = unit.replace("/usr/local/bin/shop", "/bin/true"); // it looks whether the program is there
        std::fs::write(folder.path().join(name), unit).unwrap();
    }
    assert_eq!(units.len(), 2);
    assert!(units[0].contains("\nExecReload=/bin/kill -HUP $MAINPID\n"), "{}", units[0]);
    for name in ["shop.service", "shop.socket"] {
        systemd_accepts(&folder.path().join(name));
    }
}

#[test]
fn systemd_accepts_the_units_of_the_folder_deploy() {
    let folder = tempfile::tempdir().unwrap();
    let service = include_str!("../../deploy/foobar.service").replace("/usr/local/bin/foobar", "/bin/true");
    std::fs::write(folder.path().join("foobar.service"), service).unwrap();
    std::fs::write(folder.path().join("foobar.socket"), include_str!("../../deploy/foobar.socket")).unwrap();
    for name in ["foobar.service", "foobar.socket"] {
        systemd_accepts(&folder.path().join(name));
    }
}

#[test]
fn the_units_have_the_same_settings() {
    let settings = |unit: &str, name: &str| {
        let service = unit.split_once("[Service]").unwrap().1.replace("foobar.toml", "TOML").replace(name, "NAME");
        service.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    let of_deploy = settings(include_str!("../../deploy/foobar.service"), "foobar");
    assert_eq!(settings(include_str!("../../examples/site/deploy/site.service"), "site"), of_deploy);
    assert_eq!(settings(include_str!("../../templates/all/deploy/app.service"), "{{name}}"), of_deploy);
}

#[test]
fn systemd_accepts_the_unit_of_the_example_site() {
    let unit = include_str!("../../examples/site/deploy/site.service");
    systemd_accepts_and_reloads("site", unit);
}

#[test]
fn systemd_accepts_the_unit_of_a_new_package() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Program::foobar(folder.path()).args(["new", "blog"]).output().unwrap().status.success());
    let unit = std::fs::read_to_string(folder.path().join("blog/deploy/blog.service")).unwrap();
    systemd_accepts_and_reloads("blog", &unit);
}

/// The unit of this program, which `systemctl reload` has read its configuration again.
fn systemd_accepts_and_reloads(name: &str, unit: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{name}.service"));
    std::fs::write(&file, unit.replace(&format!("/usr/local/bin/{name}"), "/bin/true")).unwrap();
    systemd_accepts(&file);
    assert!(unit.contains("\nExecReload=/bin/kill -HUP $MAINPID\n"), "{unit}");
}

fn systemd_accepts(unit: &Path) {
    let output = Command::new("systemd-analyze").arg("verify").arg(unit).output();
    let output = output.expect("systemd-analyze is installed (tests/run does it on Debian)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(0), ""), "{}", unit.display());
}

//! Servers whose clock is wrong. The certificate of the authority's own server is good for twelve hours before and after now.

use super::pebble::Kind;
use super::scene::{ISSUED, REFUSED, Scene};
use crate::support::{Program, at_clock, at_clock_of};

const CLOCK: &str = "this machine's clock says";

/// Starts a server of the scene by another clock.
fn start(scene: &Scene, clock: &str) -> Program {
    Program::start(&mut at_clock(clock, &scene.command("a.test")))
}

#[test]
fn a_server_whose_clock_is_ahead_names_it_and_serves_what_it_has_and_orders_once_it_is_right() {
    let scene = Scene::with(Kind::OfToday);
    drop(scene.start_until("a.test", ISSUED));
    scene.make_due();
    for clock in ["+1d", "+1y"] {
        let mut program = start(&scene, clock);
        let line = program.until_logged(REFUSED);
        assert!(line.contains(CLOCK) && line.contains("set it if that is wrong"), "{clock}: {line}");
        assert!(scene.over_http("/").starts_with("HTTP/1.1 308 "), "{clock}");
        assert!(scene.over_tls("a.test").contains("hello"), "{clock}");
    }
    drop(scene.start_until("a.test", ISSUED));
    assert_eq!(scene.pebble.orders(), 2);
}

#[test]
fn a_server_whose_clock_is_behind_names_it_and_serves_http() {
    let scene = Scene::with(Kind::OfToday);
    for clock in ["-1d", "-1y"] {
        let mut program = start(&scene, clock);
        let line = program.until_logged(REFUSED);
        assert!(line.contains(CLOCK), "{clock}: {line}");
        assert!(scene.over_http("/").contains("hello"), "{clock}");
    }
    drop(scene.start_until("a.test", ISSUED));
    assert_eq!(scene.pebble.orders(), 1);
}

#[test]
fn a_certificate_is_served_although_it_is_not_good_yet_by_the_clock() {
    let scene = Scene::new();
    drop(scene.start_until("a.test", ISSUED));
    let _program = start(&scene, "-1y");
    assert!(scene.over_tls("a.test").contains("hello"));
    assert_eq!(scene.pebble.orders(), 1);
}

#[test]
fn a_clock_that_is_set_right_while_the_server_runs_leads_to_one_order() {
    for wrong in ["+1y", "+1d", "-1y"] {
        let scene = Scene::with(Kind::OfToday);
        let clock = scene.folder.path().join("clock");
        std::fs::write(&clock, wrong).unwrap();
        let mut program = Program::start(&mut at_clock_of(&clock, &scene.command("a.test")));
        program.until_logged(CLOCK);
        std::fs::write(&clock, "+0").unwrap();
        std::fs::write(scene.state("changed"), "").unwrap(); // it looks soon where a file of the folder has changed
        program.until_logged(ISSUED);
        scene.until_served("a.test");
        assert_eq!(scene.pebble.orders(), 1, "{wrong}");
    }
}

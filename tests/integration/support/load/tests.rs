//! The load itself, against servers that do what is wrong.

mod server;

use std::time::{Duration, Instant};

use super::report::Tally;
use super::{Authority, Connections, Failed, Lane, Load, Outcome, Report};
use crate::support::until;
use server::{DROPS, Flawed, Goodbye};

fn is_ok(body: &[u8]) -> bool {
    body == b"ok"
}

/// What a lane says of a server that drops one of a thousand, and has seen so many requests before: after those up to `last`.
fn report(lane: Lane, server: &Flawed, last: u64) -> Report {
    let load = Load::start(&server.address, &[lane.unpaced()]);
    until("it has asked", || (server.asked() >= last).then_some(()));
    load.stop()
}

/// Every request that it dropped is lost by this outcome, and nothing else.
fn finds_each(lane: Lane, server: &Flawed, last: u64, outcome: Outcome) {
    let first = server.asked();
    let report = report(lane, server, last);
    let dropped = server.asked() / DROPS - first / DROPS;
    assert!(dropped > 0);
    assert_eq!((report.lost().count() as u64, report.count(outcome)), (dropped, dropped), "{report}");
    assert_eq!(report.answered() + dropped, server.asked() - first, "{report}");
}

#[test]
fn on_connections_that_are_kept_each_request_that_is_dropped_is_found() {
    let lane = Lane::get("/", Connections::Kept, is_ok);
    finds_each(lane, &Flawed::start(0), 3000, Outcome::ClosedOnKept);
}

#[test]
fn on_new_connections_each_request_that_is_dropped_is_found() {
    let lane = Lane::get("/", Connections::New, is_ok);
    finds_each(lane, &Flawed::start(0), 2000, Outcome::ClosedOnNew);
}

#[test]
fn a_body_in_two_parts_that_is_dropped_is_found() {
    let lane = Lane::post("/", "", |body| body == b"10");
    finds_each(lane, &Flawed::start(0), 2000, Outcome::ClosedOnKept);
}

#[test]
fn a_download_at_a_trickle_that_is_cut_is_found() {
    let lane = Lane::trickle("/bytes/1048576", Connections::Kept, |body| body.len() == 1 << 20);
    finds_each(lane, &Flawed::start(950), 1020, Outcome::Cut);
}

#[test]
fn a_slow_upload_that_is_dropped_after_100_is_found() {
    let lane = Lane::upload("/", Connections::Kept, |body| body == b"8192");
    finds_each(lane, &Flawed::start(500), 2100, Outcome::Cut);
}

#[test]
fn a_websocket_that_is_dropped_without_a_goodbye_is_found() {
    finds_each(Lane::socket(), &Flawed::start(0), 2000, Outcome::Cut);
}

#[test]
fn over_tls_each_request_that_is_dropped_is_found() {
    let authority = Authority::new();
    let lane = Lane::get("/", Connections::Kept, is_ok);
    let server = Flawed::over_tls(0, authority.server());
    finds_each(lane.over_tls(&server.address, &authority.client(true)), &server, 2000, Outcome::ClosedOnKept);
}

#[test]
fn on_new_connections_over_tls_each_request_that_is_dropped_is_found() {
    let authority = Authority::new();
    for resumes in [true, false] {
        let lane = Lane::get("/", Connections::New, is_ok);
        let server = Flawed::over_tls(970, authority.server());
        finds_each(lane.over_tls(&server.address, &authority.client(resumes)), &server, 1010, Outcome::ClosedOnNew);
    }
}

#[test]
fn a_request_on_a_kept_connection_is_sent_once_more_and_a_second_failure_is_lost() {
    let server = Flawed::start(0);
    let report = report(Lane::get("/", Connections::Kept, is_ok).sent_again(), &server, 2500);
    assert_eq!((report.lost().count(), report.sent_again()), (0, server.asked() / DROPS), "{report}");
}

#[test]
fn a_websocket_that_is_told_that_the_server_goes_away_is_not_lost() {
    let server = Flawed::saying(0, Goodbye::GoingAway);
    let report = report(Lane::socket(), &server, 2500);
    assert_eq!((report.lost().count(), report.count(Outcome::GoneAway)), (0, server.asked() / DROPS), "{report}");
}

/// The server counts its requests, so one of them is the first of its connection.
#[test]
fn a_websocket_that_is_ended_before_its_first_answer_is_told_from_one_that_has_had_one() {
    let server = Flawed::saying(DROPS - 1, Goodbye::GoingAway);
    let report = report(Lane::socket(), &server, DROPS + 10);
    assert_eq!((report.count(Outcome::GoneAtOnce), report.count(Outcome::GoneAway)), (1, 0), "{report}");
}

#[test]
fn a_websocket_that_is_told_of_a_failure_is_lost() {
    let server = Flawed::saying(0, Goodbye::Failure);
    let report = report(Lane::socket(), &server, 1500);
    let dropped = server.asked() / DROPS;
    assert_eq!((report.lost().count() as u64, report.count(Outcome::Wrong)), (dropped, dropped), "{report}");
    assert!(report.lost().all(|lost| lost.to_string().contains("a frame of type 8")), "{report}");
}

#[test]
fn a_wrong_answer_is_lost_too() {
    let server = Flawed::start(0);
    let report = report(Lane::get("/", Connections::New, |body| body == b"another"), &server, 100);
    let wrong = server.asked() - server.asked() / DROPS;
    assert_eq!((report.answered(), report.count(Outcome::Wrong)), (0, wrong), "{report}");
    let first = report.lost().next().unwrap().to_string();
    assert!(
        first.starts_with("GET /, new connections, number 0: Wrong: 200: \"ok\"; it was to be sent after"),
        "{first}"
    );
}

#[test]
fn a_stall_is_the_longest_time_in_which_nobody_has_an_answer_until_the_load_is_told_to_end() {
    let (start, after) = (Instant::now(), Duration::from_millis);
    let lane = |ends: &[u64]| Tally { ends: ends.iter().map(|end| start + after(*end)).collect(), ..Tally::default() };
    let lanes = || vec![lane(&[0, 10, 400]), lane(&[100, 1900])];
    assert_eq!(Report::of(lanes(), start + after(420)).longest_stall(), after(300));
    assert_eq!(Report::of(lanes(), start + after(900)).longest_stall(), after(500));
}

#[test]
fn a_connection_that_is_refused_is_called_so() {
    let error = Lane::get("/", Connections::New, is_ok).open("127.0.0.1:1").err().unwrap();
    assert_eq!(Failed::to_connect(&error).outcome, Outcome::Refused);
}

#[test]
fn a_certificate_of_somebody_else_is_no_connection() {
    let server = Flawed::over_tls(0, Authority::new().server());
    let client = Authority::new().client(true);
    let error = Lane::get("/", Connections::New, is_ok).over_tls(&server.address, &client).open("").err().unwrap();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(Failed::to_connect(&error).outcome, Outcome::Wrong);
}

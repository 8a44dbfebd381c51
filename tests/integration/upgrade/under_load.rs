//! Upgrades under a load: no request is lost.

use std::collections::BTreeSet;
use std::fs;

use foobar::test::TestDb;

use super::{Site, until_gone};
use crate::support::load::{Connections, Lane, Load};
use crate::support::{PATIENCE, number_of};

/// Where the numbers of the writes of a lane begin.
const WRITES: [u64; 2] = [1, 1_000_000];

/// Files, the application, answers of the server itself, and rows of the database.
fn lanes() -> Vec<Lane> {
    let is_version = |body: &[u8]| body.starts_with(b"version ");
    let is_length = |body: &[u8]| body == b"10";
    let kept = vec![
        Lane::get("/page", Connections::Kept, is_version),
        Lane::get("/file.txt", Connections::Kept, |body| body == b"a file"),
        Lane::get("/", Connections::Kept, |body| body == b"proving"),
        Lane::get("/bytes/1000000", Connections::Kept, |body| body.len() == 1_000_000),
        Lane::post("/length", "", is_length),
        Lane::post("/length", "Expect: 100-continue\r\n", is_length),
        Lane::put("/ledger/{n}", Connections::Kept, WRITES[0]),
    ];
    let new = [
        Lane::get("/page", Connections::New, is_version),
        Lane::get("/", Connections::New, |body| body == b"proving"),
        Lane::put("/ledger/{n}", Connections::New, WRITES[1]),
    ];
    kept.into_iter().map(Lane::sent_again).chain(new).collect()
}

/// What is there in the place of a program at an upgrade that fails, in one way or another.
fn spoil(site: &Site, way: u64) {
    match way % 4 {
        0 => fs::remove_file(site.path("shop")).unwrap(),
        1 => site.install(|path| fs::write(path, "a text").unwrap()),
        2 => site.install_script("echo 'a new program with a bug' >&2; exit 101"),
        _ => site.install_script(
            "channel=${FOOBAR_UPGRADE#*channel=}; eval \"echo rubbish >&${channel%% *}\"; exec sleep 1000",
        ),
    }
}

/// One in five of the upgrades fails; what is printed are the figures.
fn upgrade_under_load(database: &str, upgrades: u64) {
    let site = Site::new();
    fs::create_dir(site.path("public")).unwrap();
    fs::write(site.path("public/file.txt"), "a file").unwrap();
    let write = |number: u64| {
        let more = format!(
            "[sites.main]\ndefault = true\nroot = 'public'\ntry_files = ['file', 'app']\n[database]\nurl = '{database}'\n"
        );
        site.write(&format!("version {number}"), &more);
    };
    write(0);
    let mut program = site.start();
    program.until_ready(200);
    let load = Load::start(&program.address, &lanes());
    let mut process = program.id();
    for number in 1..=upgrades {
        if number % 5 == 0 {
            spoil(&site, number / 5);
            assert_eq!(site.run("upgrade").0, 1);
            site.install_program();
            continue;
        }
        write(number);
        let new = site.upgrade();
        if process == program.id() {
            assert_eq!(program.end().code(), Some(0));
        } else {
            until_gone(process);
        }
        process = new;
        assert_eq!(program.get("/page").text(), format!("version {number}"));
    }
    let report = load.stop();
    println!(
        "{upgrades} upgrades: {} answered, {} lost, {} sent once more, the longest wait was {:?}, the longest stall {:?}",
        report.answered,
        report.lost.len(),
        report.sent_again,
        report.longest,
        report.longest_stall()
    );
    assert!(report.longest_stall() < PATIENCE);
    assert!(report.lost.is_empty(), "{} of {}: {:#?}", report.lost.len(), report.answered, &report.lost[..1]);
    let rows: BTreeSet<u64> = program.get("/ledger").text().lines().map(|id| id.parse().unwrap()).collect();
    for first in WRITES {
        let of_lane: Vec<_> = rows.range(first..first + 900_000).copied().collect();
        assert!(!of_lane.is_empty() && of_lane == (first..first + of_lane.len() as u64).collect::<Vec<_>>());
    }
    assert!(site.log().lines().all(|line| !line.contains("cut off")), "{}", site.log());
}

#[test]
fn no_request_is_lost_while_programs_follow_one_another_on_sqlite() {
    upgrade_under_load("sqlite:ledger.db", number_of("FOOBAR_UPGRADES", 20));
}

#[tokio::test]
async fn no_request_is_lost_while_programs_follow_one_another_on_mariadb() {
    let database = TestDb::mysql().await;
    upgrade_under_load(database.url(), number_of("FOOBAR_UPGRADES", 20));
}

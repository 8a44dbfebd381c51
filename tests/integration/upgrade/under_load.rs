//! Upgrades under a load: no request is lost.

use std::collections::BTreeSet;
use std::time::Duration;
use std::{fmt, fs};

use foobar::test::TestDb;

use super::{Site, is_there};
use crate::support::load::{Authority, Connections, Lane, Load};
use crate::support::{Footprint, Program, number_of, until};

/// Where the numbers of the writes of a lane begin.
const WRITES: [u64; 2] = [1, 1_000_000];

/// Files, the application, answers of the server itself, and rows of the database.
fn lanes(tls: &str, authority: &Authority) -> Vec<Lane> {
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
    kept.into_iter().map(Lane::sent_again).chain(new).chain(Lane::lasting(tls, authority)).collect()
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

/// The most memory that two programs had which overlapped, and that of the one before when it was alone.
#[derive(Default)]
struct Memory(Option<[Footprint; 3]>);

impl Memory {
    /// As long as both are there.
    fn note(&mut self, alone: Footprint, process: u32, new: u32) {
        if let (Some(before), Some(after)) = (Footprint::of(process), Footprint::of(new))
            && self.0.is_none_or(|[_, most, with]| in_all(before, after) > in_all(most, with))
        {
            self.0 = Some([alone, before, after]);
        }
    }
}

/// In KiB. Pages of files are those of the same program, which are in memory once.
fn in_all(before: Footprint, after: Footprint) -> u64 {
    let of_files = |of: Footprint| of.resident - of.own;
    before.own + after.own + of_files(before).max(of_files(after))
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some([alone, before, after]) = self.0 else { return f.write_str("memory: no two programs were seen") };
        let times = |all: u64| all as f64 / alone.resident as f64;
        let own = [alone, before, after].map(|of| format!("{} KiB, {} of them its own", of.resident, of.own));
        let [alone, of_before, of_after] = own;
        write!(f, "memory: {of_before}, of the program before; {of_after}, of the new one; ")?;
        write!(f, "{alone}, of the one before alone: ")?;
        let (all, twice) = (in_all(before, after), before.resident + after.resident);
        write!(f, "{:.2} times that, or {:.2} where what both share counts twice", times(all), times(twice))
    }
}

/// What nobody may be without an answer for on a machine that has other work, in milliseconds; on an idle one it is 250.
const BUSY_MACHINE: u64 = 10_000;

/// A database that refuses nothing as it is slow: on a busy machine a write takes a second, and others wait for it.
const PATIENT: &str = "[database]\nacquire_timeout = '1m'\nlock_timeout = '1m'\nquery_timeout = '1m'\n";

/// One in five of the upgrades fails; what is printed are the figures.
fn upgrade_under_load(database: &str, upgrades: u64) {
    let (site, authority) = (Site::new(), Authority::new());
    authority.certify(site.folder.path(), "site");
    fs::create_dir(site.path("public")).unwrap();
    fs::write(site.path("public/file.txt"), "a file").unwrap();
    let write = |number: u64| {
        let more = format!(
            "[sites.main]\ndefault = true\nroot = 'public'\ntry_files = ['file', 'app']\nhttps = 'keep'\n\
             ssl_certificate = 'site.pem'\nssl_certificate_key = 'site.key'\n{PATIENT}url = '{database}'\n"
        );
        site.write(&format!("version {number}"), &more);
    };
    write(0);
    let mut command = site.command();
    let mut program = Program::start(command.env("FOOBAR__WEB__LISTEN", "127.0.0.1:0,127.0.0.1:0 ssl"));
    program.until_ready(200);
    let load = Load::start(&program.address, &lanes(&program.tls_address, &authority));
    let (mut process, mut memory) = (program.id(), Memory::default());
    for number in 1..=upgrades {
        if number % 5 == 0 {
            spoil(&site, number / 5);
            assert_eq!(site.run("upgrade").0, 1);
            site.install_program();
            continue;
        }
        write(number);
        let alone = Footprint::of(process).unwrap();
        let new = site.upgrade();
        until("the program before has ended", || {
            memory.note(alone, process, new);
            (!is_there(process)).then_some(())
        });
        if process == program.id() {
            assert_eq!(program.end().code(), Some(0));
        }
        process = new;
        assert_eq!(program.get("/page").text(), format!("version {number}"));
    }
    let report = load.stop();
    println!("{upgrades} upgrades; {memory}");
    report.assert_nothing_lost();
    assert!(
        report.longest_stall() < Duration::from_millis(number_of("FOOBAR_LONGEST_STALL", BUSY_MACHINE)),
        "{report}"
    );
    let rows: BTreeSet<u64> = program.get("/ledger").text().lines().map(|id| id.parse().unwrap()).collect();
    assert_eq!(rows.len() as u64, report.answered_to("PUT /ledger"), "each write is there");
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

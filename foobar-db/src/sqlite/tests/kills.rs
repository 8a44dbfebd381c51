//! A process that is killed at any moment loses no acknowledged write, and leaves no half of one and no damaged file.
//!
//! `FOOBAR_KILLS=10000 FOOBAR_SEED=7 cargo test -p foobar-db killed_at_random` kills more often, and at other moments.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use super::*;
use crate::testing::say;

/// How many databases at the same time: most of a kill is waiting for the disk.
const LANES: i64 = 4;
/// How many processes one database outlives, so that it stays small.
const LIVES: i64 = 25;
/// How many acknowledged writes a kill waits for, at most.
const WRITES: u64 = 30;
/// How long a kill waits besides, at most, in microseconds. Where it waits for no write, that is within the start.
const WAIT: u64 = 30_000;
/// What lies between the numbers of one process and those of the next.
const NUMBERS: i64 = 1_000_000;

const TABLES: &str = "CREATE TABLE entries (id INTEGER PRIMARY KEY, body TEXT NOT NULL); \
    CREATE TABLE totals (entries INTEGER NOT NULL); INSERT INTO totals VALUES (0)";

#[test]
fn a_process_that_is_killed_at_random_loses_no_acknowledged_write() {
    let kills = number_of("FOOBAR_KILLS", 100);
    let seed = number_of("FOOBAR_SEED", 3);
    let acknowledged: usize = std::thread::scope(|scope| {
        let of_lane = |lane| (kills + lane) / LANES;
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| scope.spawn(move || kill_again_and_again(of_lane(lane), seed ^ (lane << 32))))
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    assert!(acknowledged > 0);
    if std::env::var_os("FOOBAR_KILLS").is_some() {
        say(&format!("{kills} kills, {acknowledged} acknowledged writes"));
    }
}

/// How many writes were acknowledged.
fn kill_again_and_again(kills: i64, seed: i64) -> usize {
    let mut random = Random(seed.unsigned_abs());
    let lives = (0..kills).step_by(LIVES as usize).map(|first| LIVES.min(kills - first));
    lives.map(|lives| outlive(lives, &mut random)).sum()
}

/// One database, and as many processes, one after the other.
fn outlive(lives: i64, random: &mut Random) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.db");
    stranger(file.to_str().unwrap()).batch_execute(TABLES).unwrap();
    let mut acknowledged = BTreeSet::new();
    for life in 0..lives {
        acknowledged.extend(kill_one(&file, life * NUMBERS, random));
        if random.below(2) == 0 {
            check(&file, &acknowledged); // it recovers what was left; else the next process does
        }
    }
    check(&file, &acknowledged);
    acknowledged.len()
}

/// Starts a process that writes from number `first` on, and kills it; the numbers that it has acknowledged.
fn kill_one(file: &Path, first: i64, random: &mut Random) -> Vec<i64> {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::tests::kills::writes_until_it_is_killed", "--ignored"])
        .env("FOOBAR_TEST_URL", format!("sqlite:{}", file.display()))
        .env("FOOBAR_TEST_FIRST", first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut numbers = lines.map(Result::unwrap).filter_map(|line| line.strip_prefix('+')?.parse::<i64>().ok());
    let mut acknowledged: Vec<_> = numbers.by_ref().take(random.below(WRITES + 1) as usize).collect();
    sleep(Duration::from_micros(random.below(WAIT))); // time is what is tested: any moment
    process.kill().unwrap();
    let ended = process.wait().unwrap();
    assert_eq!(ended.signal(), Some(9), "it ended by itself: {ended}");
    acknowledged.extend(numbers);
    acknowledged
}

/// The database is whole, it has each acknowledged write, and of no write one half.
fn check(file: &Path, acknowledged: &BTreeSet<i64>) {
    let mut conn = stranger(file.to_str().unwrap());
    let problems = sql::<Text>("SELECT integrity_check FROM pragma_integrity_check");
    assert_eq!(problems.load::<String>(&mut conn).unwrap(), ["ok"]);
    let kept = sql::<BigInt>("SELECT id FROM entries").load::<i64>(&mut conn).unwrap();
    let kept: BTreeSet<_> = kept.into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "of {} acknowledged writes these are lost: {lost:?}", acknowledged.len());
    let total = sql::<BigInt>("SELECT entries FROM totals").get_result::<i64>(&mut conn).unwrap();
    assert_eq!(total, kept.len() as i64, "a write was kept by half");
}

#[ignore = "the process that the test above kills"]
#[tokio::test]
async fn writes_until_it_is_killed() {
    let Ok(url) = std::env::var("FOOBAR_TEST_URL") else { return };
    let db = start_url(&url).await.unwrap();
    assert_eq!(settings_of_writes(&db).await, ("wal".to_owned(), FULL), "they are those that the guide promises");
    say(""); // the name of this test may stand in the line
    let first = number_of("FOOBAR_TEST_FIRST", 0);
    for id in (first..first + NUMBERS).step_by(3) {
        futures_util::future::join_all((id..id + 3).map(|id| enter(&db, id))).await;
    }
}

/// `synchronous = FULL`, as SQLite says it.
const FULL: i32 = 2;

/// How the connection that writes keeps what it has acknowledged. A kill loses nothing that the system has taken, so it does
/// not tell `FULL` from less, which a loss of power does.
async fn settings_of_writes(db: &Db) -> (String, i32) {
    let settings = db.write(|conn| {
        let journal = sql::<Text>("(SELECT journal_mode FROM pragma_journal_mode)");
        diesel::select((journal, sql::<Integer>("(SELECT synchronous FROM pragma_synchronous)"))).get_result(conn)
    });
    settings.await.unwrap()
}

/// Rows of many sizes, so that pages are taken, given back and taken again, and the log is moved often.
async fn enter(db: &Db, id: i64) {
    let body = "x".repeat((id * 7919 % 40).pow(3) as usize);
    let entered = db.write(move |conn| {
        let insert = diesel::sql_query("INSERT INTO entries VALUES (?, ?)");
        insert.bind::<BigInt, _>(id).bind::<Text, _>(&body).execute(conn)?;
        diesel::sql_query("UPDATE entries SET body = '' WHERE id = ?").bind::<BigInt, _>(id - 5).execute(conn)?;
        diesel::sql_query("UPDATE totals SET entries = entries + 1").execute(conn)
    });
    entered.await.unwrap();
    say(&format!("+{id}"));
}

fn number_of(variable: &str, default: i64) -> i64 {
    let parse = |value: String| value.parse().unwrap_or_else(|error| panic!("{variable}={value}: {error}"));
    std::env::var(variable).map_or(default, parse)
}

/// Numbers that a seed decides: a linear congruence, of which the upper bits are taken.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

//! No acknowledged write is lost when the process is killed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI32, Ordering};

use foobar::test::TestDb;

use crate::support::{Client, Program};

/// Kills the program in the middle of concurrent writes, again and again, on one database; each write that was
/// answered with 201 must be there afterwards.
fn kill_and_count(database: &str, folder: &std::path::Path, rounds: usize) {
    let next = AtomicI32::new(1);
    let mut acknowledged = BTreeSet::new();
    for round in 0..rounds {
        let mut command = Program::example("proving", folder);
        let program = Program::start(command.env("FOOBAR__DATABASE__URL", database));
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..3).map(|_| scope.spawn(|| write_until_killed(&program.address, &next))).collect();
            let written_before = next.load(Ordering::Relaxed);
            let enough = written_before + 20 + 7 * i32::try_from(round).unwrap();
            crate::support::until("some writes", || (next.load(Ordering::Relaxed) > enough).then_some(()));
            program.signal("KILL");
            for writer in writers {
                acknowledged.extend(writer.join().unwrap());
            }
        });
    }
    let mut command = Program::example("proving", folder);
    let program = Program::start(command.env("FOOBAR__DATABASE__URL", database));
    let kept: BTreeSet<i32> = program.get("/ledger").text().lines().map(|id| id.parse().unwrap()).collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "of {} acknowledged writes these are lost: {lost:?}", acknowledged.len());
    assert!(acknowledged.len() >= 20 * rounds);
}

/// The ids of the writes that were acknowledged before the connection broke.
fn write_until_killed(address: &str, next: &AtomicI32) -> Vec<i32> {
    let mut client = Client::connect(address);
    let mut acknowledged = Vec::new();
    loop {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let sent = client.try_send(format!("PUT /ledger/{id} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
        match client.try_answer("PUT").filter(|_| sent) {
            Some(answer) if answer.status == 201 => acknowledged.push(id),
            Some(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            None => return acknowledged,
        }
    }
}

#[test]
fn no_acknowledged_write_is_lost_on_sqlite_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    kill_and_count("sqlite:ledger.db", folder.path(), 5);
}

#[tokio::test]
async fn no_acknowledged_write_is_lost_on_mariadb_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDb::mysql().await;
    kill_and_count(database.url(), folder.path(), 3);
}

//! What answering from the cache asks of the system, call by call, as strace tells it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;

use crate::support::{Call, Client, Program, Trace, time_of_files, until};

const REQUESTS: usize = 200;
/// Connections that carry one request.
const CONNECTIONS: usize = 50;
/// More than is copied, and less than what the system takes at once on any connection.
const MEDIUM: usize = 24 << 10;
const LARGE: usize = 10 << 20;

/// One worker that serves a folder, and what it asks of the system.
struct Traced {
    program: Program,
    trace: Trace,
    folder: TempDir,
}

impl Traced {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        // Once in this time a worker makes sure that the folder is still the same, which is more calls.
        fs::write(folder.path().join("foobar.toml"), "web.file_cache_valid = \"1h\"\nsites.www.root = \"root\"\n")
            .unwrap();
        fs::write(folder.path().join("root/file.txt"), "a file\n").unwrap();
        fs::write(folder.path().join("root/medium"), vec![b'x'; MEDIUM]).unwrap();
        fs::write(folder.path().join("root/large"), vec![b'x'; LARGE]).unwrap();
        let mut command = Program::foobar(folder.path());
        command.env("FOOBAR__WEB__WORKERS", "1");
        let (mut command, trace) = Trace::of(&command, &["-s", "100"], folder.path());
        Self { program: Program::start(&mut command), trace, folder }
    }

    /// What the worker did for `ask`, after a request whose path ends with `?begin` and before one with `?end`.
    fn during(self, warm: impl FnOnce(&mut Client), ask: impl FnOnce(&mut Client, &Program)) -> Vec<Call> {
        let mut client = self.program.client();
        for _ in 0..2 {
            assert_eq!(client.get("/file.txt").status, 200); // the first look is at the disk
        }
        warm(&mut client);
        client.get("/file.txt?begin");
        ask(&mut client, &self.program);
        client.get("/file.txt?end");
        drop(client); // the server would wait a moment for it to close
        self.program.signal("TERM");
        assert!(self.program.wait().0.success());
        let calls = self.trace.calls();
        drop(self.folder);
        let at = |marker: &str| calls.iter().position(|call| call.name == "recvfrom" && call.rest.contains(marker));
        let (begin, end) = (at("GET /file.txt?begin").unwrap(), at("GET /file.txt?end").unwrap());
        let worker = calls[begin].thread;
        let mut between: Vec<_> = calls[begin + 1..end].iter().filter(|call| call.thread == worker).cloned().collect();
        assert_eq!(between.remove(0).name, "sendto", "the answer to the first marker");
        between.retain(|call| call.name != "epoll_wait" && !is_of_a_debug_build(call));
        between
    }
}

/// The standard library and the runtime make sure that a descriptor is open, and does not block.
fn is_of_a_debug_build(call: &Call) -> bool {
    call.name == "fcntl" && (call.rest.contains("F_GETFD") || call.rest.contains("F_GETFL"))
}

fn names(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.name.as_str()).collect()
}

/// Requests one after the other that are answered alike; fails if the worker does more than read each and answer it by
/// this call.
fn each_is_read_and_answered_by(call: &str, target: &str, fields: &str, status: u16) {
    let ask = |client: &mut Client| assert_eq!(client.request("GET", target, fields, b"").status, status);
    let calls = Traced::start().during(
        |client| (0..2).for_each(|_| ask(client)), // the first look may be at the disk
        |client, _| (0..REQUESTS).for_each(|_| ask(client)),
    );
    let expected = ["recvfrom", call].repeat(REQUESTS);
    assert!(names(&calls) == expected, "{calls:#?}");
}

#[test]
fn a_file_from_the_cache_takes_one_call_to_read_the_request_and_one_to_answer_it() {
    each_is_read_and_answered_by("sendto", "/file.txt", "", 200);
}

#[test]
fn a_file_that_is_not_small_takes_the_same_without_being_copied_behind_its_head() {
    each_is_read_and_answered_by("sendmsg", "/medium", "", 200);
}

#[test]
fn not_modified_from_the_cache_takes_one_call_to_read_the_request_and_one_to_answer_it() {
    each_is_read_and_answered_by("sendto", "/file.txt", "If-None-Match: *\r\n", 304);
}

#[test]
fn a_name_that_is_known_to_be_missing_takes_one_call_to_read_the_request_and_one_to_answer_it() {
    each_is_read_and_answered_by("sendto", "/missing", "", 404);
}

/// No option is set: a connection has those of the listening socket. The second `accept4` finds that no other waits.
const AT_ONCE: &[&str] = &["accept4", "accept4", "recvfrom", "sendto", "shutdown", "close"];

#[test]
fn a_connection_for_one_request_is_accepted_read_answered_and_closed_and_nothing_else() {
    let calls = Traced::start().during(
        |_| {},
        |_, program| {
            for _ in 0..CONNECTIONS {
                let mut client = program.client();
                assert_eq!(client.request("GET", "/file.txt", "Connection: close\r\n", b"").status, 200);
                assert!(client.is_closed());
            }
        },
    );
    // Whose request came only later had to be waited for.
    let waits = |call: &Call| call.name == "recvfrom" && call.rest.contains("EAGAIN");
    let connections = calls.split_inclusive(|call| call.name == "close");
    let (waited, at_once): (Vec<_>, Vec<_>) = connections.partition(|calls| calls.iter().any(waits));
    println!("{} at once, {} after a wait", at_once.len(), waited.len());
    assert!(!at_once.is_empty() && at_once.len() + waited.len() == CONNECTIONS, "{calls:#?}");
    assert!(at_once.iter().all(|calls| names(calls) == AT_ONCE), "{at_once:#?}");
    let with_its_end = |call: &Call| call.name != "sendto" || call.rest.contains("MSG_MORE");
    assert!(calls.iter().all(with_its_end), "one packet is to carry the answer and the end: {calls:#?}");
}

#[test]
fn a_large_file_is_sent_by_the_system_in_few_calls() {
    let traced = Traced::start();
    let file = traced.folder.path().join("root/large");
    until("nobody may be writing to the file any more", || {
        let changed = fs::metadata(&file).unwrap();
        let changed = UNIX_EPOCH + Duration::new(changed.ctime() as u64, changed.ctime_nsec() as u32);
        time_of_files().duration_since(changed).is_ok_and(|age| age > YOUNG).then_some(())
    });
    let ask = |client: &mut Client| assert_eq!(client.get("/large").body.len(), LARGE);
    let calls = traced.during(|client| (0..2).for_each(|_| ask(client)), |client, _| ask(client));
    if calls.iter().any(|call| call.name == "preadv2" && call.rest.contains("EOPNOTSUPP")) {
        return println!("this file system does not tell what it has in memory: nothing is left to the system");
    }
    let times = |name| calls.iter().filter(|call| call.name == name).count();
    let (sends, looks) = (times("sendfile"), times("preadv2"));
    println!("{} calls: {sends} times sendfile, {looks} times preadv2", calls.len());
    assert!((LARGE / CHUNK - 1..=LARGE / LEAST).contains(&sends), "{calls:#?}");
    assert!((LARGE / UNIT - 2..=LARGE / UNIT + sends + BESIDE).contains(&looks), "{calls:#?}");
    // Each time it is made sure that the file is not being written to, and where it has to wait, what the client took.
    assert!(calls.len() <= 3 * sends + looks + BESIDE, "{calls:#?}");
}

/// As long as a file counts as being written to.
const YOUNG: Duration = Duration::from_secs(2);
/// The most that is sent in a call.
const CHUNK: usize = 2 << 20;
/// What is asked about in one call whether it is in memory.
const UNIT: usize = 128 << 10;
/// What the system takes at a time at least, on the average, where it is short of memory for connections.
const LEAST: usize = 32 << 10;
/// The request, the head, and what is read where so little is left that the system is not asked to send it.
const BESIDE: usize = 16;

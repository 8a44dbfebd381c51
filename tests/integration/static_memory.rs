//! The memory of a server whose clients do not read what they have asked for, or hardly.
//!
//! They come by a Unix socket, of which the system takes 200 KiB ahead: of so many TCP connections it would take so much
//! that it runs short, and cuts those of other tests.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use crate::support::{PATIENCE, Program, allow_many_descriptors, until};

const CLIENTS: usize = 1000;
/// A file that is kept in memory: more than the system takes ahead of a client.
const FILE: usize = 1 << 20;
const MIB: usize = 1 << 20;
const READERS: usize = 2;
const SPARSE: u64 = 1 << 30;
/// A known field twice: not a plain request, so the pipeline gets it.
const NOT_PLAIN: &str = "User-Agent: a\r\nUser-Agent: b\r\n";

/// A server that waits for its clients as long as they like, and clients that it waits for.
struct Crowd {
    program: Program,
    folder: TempDir,
    clients: Vec<UnixStream>,
}

impl Crowd {
    fn start(change: impl FnOnce(&mut Command)) -> Self {
        allow_many_descriptors();
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("sparse")).unwrap().set_len(SPARSE).unwrap();
        let mut command = Program::foobar(folder.path());
        command.args(["--root", "."]).env("FOOBAR__WEB__MIN_RATE", "0").env("FOOBAR__WEB__SEND_TIMEOUT", "600s");
        command.env("FOOBAR__WEB__LISTEN", "127.0.0.1:0, unix:socket");
        change(&mut command);
        Self { program: Program::start(&mut command), folder, clients: Vec::new() }
    }

    /// One more client, which asks and reads nothing but the beginning of the answer.
    fn ask(&mut self, path: &str, fields: &str, status: &str) {
        assert_eq!(self.ask_for_any(path, fields), format!("HTTP/1.1 {status}"));
    }

    fn ask_for_any(&mut self, path: &str, fields: &str) -> String {
        let mut client = UnixStream::connect(self.folder.path().join("socket")).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(client, "GET /{path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").unwrap();
        let mut line = [0; 12];
        client.read_exact(&mut line).unwrap();
        self.clients.push(client);
        String::from_utf8(line.to_vec()).unwrap()
    }

    /// Has each client read so many bytes more.
    fn read(&mut self, bytes: usize) {
        let mut taken = vec![0; bytes];
        self.clients.iter_mut().for_each(|client| client.read_exact(&mut taken).unwrap());
    }

    /// Waits until the server has sent all that its clients take.
    fn settle(&self) {
        let mut sent = 0;
        let mut same = 0;
        until("the server has sent what its clients take", || {
            let now = self.figure("foobar_web_sent_bytes_total");
            same = if now == sent { same + 1 } else { 0 };
            sent = now;
            (same == 20).then_some(())
        });
    }

    fn figure(&self, name: &str) -> u64 {
        let metrics = self.program.admin("/metrics");
        let line = metrics.text().lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// The memory of the server's process, in MiB.
    fn memory(&self) -> usize {
        self.measure("VmRSS:")
    }

    /// The most that it ever had.
    fn peak(&self) -> usize {
        self.measure("VmHWM:")
    }

    fn measure(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024
    }

    /// How much more memory the server has once it serves these clients.
    fn growth(&mut self, what: &str, serve: impl FnOnce(&mut Self)) -> usize {
        assert_eq!(self.program.get("/nothing").status, 404);
        let before = self.memory();
        serve(self);
        self.settle();
        let after = self.memory();
        println!("{what}: {before} MiB before, {after} MiB with {} clients", self.clients.len());
        after.saturating_sub(before)
    }

    /// How much more memory the server needs at most while `READERS` clients get so many texts of `size` bytes, each in
    /// a coding.
    fn growth_by_compressing(&self, texts: usize, size: usize, coding: impl Fn(usize) -> &'static str + Sync) -> usize {
        let words = (0..).flat_map(|number: u64| format!("{:x} ", number.wrapping_mul(0x9e37_79b9) >> 12).into_bytes());
        let text: Vec<u8> = words.take(size).collect();
        (0..texts).for_each(|number| fs::write(self.folder.path().join(format!("{number}.txt")), &text).unwrap());
        assert_eq!(self.program.get("/nothing").status, 404);
        let before = self.memory();
        let get = |number: usize| {
            let fields = format!("Accept-Encoding: {}\r\n", coding(number));
            until("there is room to compress it", || {
                let answer = self.program.client().request("GET", &format!("/{number}.txt"), &fields, b"");
                answer.header("content-encoding").map(|_| ())
            });
        };
        thread::scope(|scope| {
            for first in 0..READERS {
                scope.spawn(move || (first..texts).step_by(READERS).for_each(get));
            }
        });
        println!("{texts} texts of {size} bytes: {before} MiB before, {} MiB at most", self.peak());
        self.peak() - before
    }

    fn write(&self, name: &str) {
        let content: Vec<u8> = (0..FILE).map(|at| (at % 251) as u8).collect();
        fs::write(self.folder.path().join(name), content).unwrap();
    }
}

#[test]
fn most_of_the_memory_of_connections_is_given_back_when_they_close() {
    let mut crowd = Crowd::start(|command| _ = command.env("FOOBAR__WEB__WORKERS", "1"));
    let before = crowd.memory();
    let growth = crowd.growth("connections that are kept", |crowd| {
        (0..3 * CLIENTS).for_each(|_| crowd.ask("nothing", NOT_PLAIN, "404"));
    });
    assert!(growth > 4, "{growth} MiB tell nothing");
    crowd.clients.clear();
    until("most of it is given back", || (crowd.memory() <= before + growth / 2).then_some(()));
}

#[test]
fn a_thousand_clients_that_hardly_read_a_large_file_take_little_memory() {
    let mut crowd = Crowd::start(|_| {});
    let growth = crowd.growth("a large file", |crowd| {
        (0..CLIENTS).for_each(|_| crowd.ask("sparse", "", "200"));
        crowd.settle();
        (0..3).for_each(|_| crowd.read(4096));
    });
    assert!(growth < 32, "{growth} MiB more");
}

#[test]
fn a_thousand_clients_whose_requests_are_not_plain_take_a_bounded_amount_each() {
    let mut crowd = Crowd::start(|_| {});
    let growth = crowd.growth("a large file, by the pipeline", |crowd| {
        (0..CLIENTS).for_each(|_| crowd.ask("sparse", NOT_PLAIN, "200"));
        crowd.settle();
        (0..3).for_each(|_| crowd.read(4096));
    });
    assert!(growth < 80, "{growth} MiB more");
}

#[test]
fn several_ranges_of_a_cached_file_are_not_copied_for_each_client() {
    for (fields, bound) in [("", 16), (NOT_PLAIN, 48)] {
        let mut crowd = Crowd::start(|_| {});
        crowd.write("file");
        let growth = crowd.growth("several ranges", |crowd| {
            (0..CLIENTS / 2).for_each(|_| crowd.ask("file", &format!("{fields}Range: bytes=0-0,2-\r\n"), "206"));
        });
        assert!(growth < bound, "{growth} MiB more");
    }
}

#[test]
fn what_the_cache_has_let_go_of_is_not_held_by_clients_beyond_a_bound() {
    const FILES: usize = 100;
    const CACHE: usize = 16;
    for fields in ["", NOT_PLAIN] {
        let mut crowd = Crowd::start(|command| _ = command.env("FOOBAR__WEB__FILE_CACHE_SIZE", format!("{CACHE}MiB")));
        (0..FILES).for_each(|number| crowd.write(&number.to_string()));
        let growth = crowd.growth("many files", |crowd| {
            (0..2 * FILES).for_each(|number| crowd.ask(&(number % FILES).to_string(), fields, "200"));
        });
        let contents = crowd.figure("foobar_web_file_contents_bytes") as usize / MIB;
        assert!(contents <= CACHE + CACHE / 4, "{contents} MiB of contents");
        assert!(growth < CACHE + CACHE / 4 + 32, "{growth} MiB more");
        crowd.clients.clear();
        until("clients that are gone hold nothing", || {
            (crowd.figure("foobar_web_file_contents_bytes") as usize <= CACHE * MIB).then_some(())
        });
    }
}

#[test]
fn encoders_take_little_memory_beside_the_cache() {
    const CACHE: usize = 32;
    let crowd = Crowd::start(|command| _ = command.env("FOOBAR__WEB__FILE_CACHE_SIZE", format!("{CACHE}MiB")));
    let growth = crowd.growth_by_compressing(48, MIB, |number| if number % 8 == 0 { "br" } else { "zstd" });
    assert!(growth < CACHE + CACHE / 4 + 32, "{growth} MiB more");
}

#[test]
fn the_cache_counts_what_small_files_take_beside_their_contents() {
    const CACHE: usize = 32;
    let crowd = Crowd::start(|command| _ = command.env("FOOBAR__WEB__FILE_CACHE_SIZE", format!("{CACHE}MiB")));
    let growth = crowd.growth_by_compressing(6000, 4096, |_| "gzip");
    assert!(growth < CACHE + CACHE / 2, "{growth} MiB more");
}

#[test]
fn lists_that_nobody_reads_are_bounded_too() {
    const ENTRIES: usize = 3000;
    let mut crowd = Crowd::start(|command| {
        let folder = command.get_current_dir().unwrap();
        fs::write(folder.join("foobar.toml"), "[sites.default]\nautoindex = \"html\"\n").unwrap();
        command.env("FOOBAR__WEB__FILE_CACHE_SIZE", "8MiB");
    });
    fs::create_dir(crowd.folder.path().join("folder")).unwrap();
    for number in 0..ENTRIES {
        let name = format!("{}{number}", "\u{20ac}".repeat(80)); // 1 KiB of the list
        File::create(crowd.folder.path().join("folder").join(name)).unwrap();
    }
    let mut answers = Vec::new();
    let growth = crowd.growth("lists", |crowd| answers = (0..40).map(|_| crowd.ask_for_any("folder/", "")).collect());
    assert!(growth < 10 + 32, "{growth} MiB more");
    assert_eq!((answers[0].as_str(), answers[39].as_str()), ("HTTP/1.1 200", "HTTP/1.1 503"));
    crowd.clients.clear();
    until("there is room for a list again", || (crowd.program.get("/folder/").status == 200).then_some(()));
}

#[test]
fn the_cache_counts_what_long_names_and_fields_take() {
    const CACHE: usize = 16;
    const FILES: usize = 8000;
    let mut crowd = Crowd::start(|command| {
        let folder = command.get_current_dir().unwrap();
        fs::write(folder.join("foobar.toml"), "[sites.default]\ncontent_disposition = \"* attachment\"\n").unwrap();
        command.env("FOOBAR__WEB__FILE_CACHE_SIZE", format!("{CACHE}MiB"));
    });
    let name = |number: usize| format!("{}{number}.bin", "\u{20ac}".repeat(80)); // 720 bytes in a field
    (0..FILES).for_each(|number| fs::write(crowd.folder.path().join(name(number)), "x").unwrap());
    let growth = crowd.growth("long names", |crowd| {
        let path = |number| format!("/{}{number}.bin", "%E2%82%AC".repeat(80));
        (0..FILES).for_each(|number| assert_eq!(crowd.program.get(&path(number)).status, 200));
    });
    assert!(growth <= CACHE + CACHE / 4, "{growth} MiB more");
}

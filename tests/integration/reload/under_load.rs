//! Reloads under a load: no request is lost, a wrong configuration changes nothing, and what a reload leaves behind is told.

use std::fs;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::{Site, mistakes};
use crate::support::load::{Authority, Connections, Lane, Load, Outcome};
use crate::support::{Footprint, PATIENCE, Program, Random, number_of, seed, until};

/// What a load asks for all the time: files, the application, answers of the server itself.
fn lanes() -> Vec<Lane> {
    let is_version = |body: &[u8]| body.starts_with(b"version ");
    let is_length = |body: &[u8]| body == b"10";
    vec![
        Lane::get("/page", Connections::Kept, is_version),
        Lane::get("/page", Connections::New, is_version),
        Lane::get("/", Connections::Kept, |body| body == b"proving"),
        Lane::get("/file.txt", Connections::Kept, |body| body == b"a file"),
        Lane::get("/file.txt", Connections::New, |body| body == b"a file"),
        Lane::get("/bytes/1000000", Connections::Kept, |body| body.len() == 1_000_000),
        Lane::post("/length", "", is_length),
        Lane::post("/length", "Expect: 100-continue\r\n", is_length),
    ]
}

/// A server whose configurations come and go.
struct Course {
    site: Site,
    program: Program,
    authority: Authority,
    /// How long each new configuration took to be served, from the signal.
    in_effect: Vec<Duration>,
}

/// The bytes of a body that each configuration has anew: one that is not forgotten is seen in the memory.
const BALLAST: usize = 512 << 10;

/// A good one of this number.
fn good(number: u64) -> String {
    configuration(number, &format!("{number:x>16}").repeat(BALLAST / 16))
}

/// Sites, addresses, certificates, folders and limits alternate.
fn configuration(number: u64, ballast: &str) -> String {
    let others: String =
        (0..number % 3).map(|other| format!("[sites.other{other}]\nserver_name = 'o{other}.test'\n")).collect();
    let more = if number.is_multiple_of(4) { "" } else { ", '127.0.0.2:0'" };
    let (files, certificate) = (format!("files-{}", number % 2), format!("certificate-{}", number / 2 % 2));
    format!(
        "[web]\nlisten = ['127.0.0.1:0', '127.0.0.1:0 ssl'{more}]\nworkers = 2\nkeepalive_requests = 1000000\nfile_cache_size = '{}MiB'\n\
         [sites.main]\ndefault = true\nhttps = 'keep'\nroot = '{files}'\nssl_certificate = '{certificate}.pem'\n\
         ssl_certificate_key = '{certificate}.key'\ntry_files = ['file', 'app']\n\
         [sites.main.routes.'/page']\nrespond = 200\nbody = 'version {number}'\n\
         [sites.main.routes.'/ballast']\nrespond = 200\nbody = '{ballast}'\n{others}[database]\nqueue = {}\n",
        1 + number % 5,
        1000 + number
    )
}

impl Course {
    fn start() -> Self {
        let (site, authority) = (Site::new(&good(0)), Authority::new());
        for number in 0..2 {
            fs::create_dir(site.path(&format!("files-{number}"))).unwrap();
            fs::write(site.path(&format!("files-{number}/file.txt")), "a file").unwrap();
            authority.certify(site.folder.path(), &format!("certificate-{number}"));
        }
        // What is large has a mapping of its own, which goes with it, and leaves no gap among what stays.
        let program = Program::start(site.command().env("MALLOC_MMAP_THRESHOLD_", "131072"));
        Self { site, program, authority, in_effect: Vec::new() }
    }

    fn load(&self) -> Load {
        let lasting = Lane::lasting(&self.program.tls_address, &self.authority);
        Load::start(&self.program.address, &lanes().into_iter().chain(lasting).collect::<Vec<_>>())
    }

    /// One of many more requests.
    fn dense_load(&self) -> Load {
        let more = [&lanes()[..5], &lanes()[6..]].concat().into_iter().map(|lane| lane.every(Duration::from_millis(2)));
        let lasting = Lane::lasting(&self.program.tls_address, &self.authority);
        Load::start(&self.program.address, &lanes().into_iter().chain(lasting).chain(more).collect::<Vec<_>>())
    }

    fn is_served(&self, number: u64) -> bool {
        self.program.get("/page").text() == format!("version {number}")
    }

    fn reload(&mut self, number: u64) {
        self.site.write(&good(number));
        let begun = Instant::now();
        self.program.signal("HUP");
        until("the new configuration is served", || self.is_served(number).then_some(()));
        self.in_effect.push(begun.elapsed());
        let told = self.program.until_logged("reloaded");
        assert!(told.contains("has been reloaded"), "{told}");
    }

    fn refuse(&mut self, mistake: &str, before: u64) -> String {
        let told = self.site.reload(&mut self.program, mistake);
        assert!(told.contains("the configuration is not reloaded, the one before stays: "), "{mistake}\n{told}");
        assert!(self.is_served(before));
        told
    }

    /// What it holds under the first configuration, without a connection.
    fn at_rest(&mut self) -> Footprint {
        self.reload(0);
        until("nobody is connected", || {
            let metrics = self.program.admin("/metrics").text().to_owned();
            let mut connections = metrics.lines().filter(|line| line.starts_with("foobar_web_connections{"));
            connections.all(|line| line.ends_with(" 0")).then_some(())
        });
        Footprint::of(self.program.id()).unwrap()
    }

    fn tell_in_effect(&mut self) {
        self.in_effect.sort_unstable();
        let (half, most) = (self.in_effect[self.in_effect.len() / 2], self.in_effect[self.in_effect.len() - 1]);
        println!("a new configuration is in effect after {half:.1?} in half of the reloads, after {most:.1?} in all");
    }
}

/// How many reloads there are before what the server holds is taken as what it needs.
const FIRST: u64 = 10;
/// What it may hold more after the last, which is less than one for each of twenty: descriptors and threads, of which those that
/// may block come and go.
const MORE: [u64; 2] = [5, 10];
/// The same in KiB of memory: as much, and for each reload, which is less than what one brings.
const MORE_MEMORY: [u64; 2] = [6 << 10, 32];

/// What of it has become more in so many reloads than it may.
fn grown(first: &Footprint, last: &Footprint, reloads: u64) -> Vec<&'static str> {
    let more_memory = MORE_MEMORY[0] + reloads * MORE_MEMORY[1];
    let all = [
        ("descriptors", first.descriptors + MORE[0], last.descriptors),
        ("threads", first.threads + MORE[1], last.threads),
        ("memory", first.own + more_memory, last.own),
    ];
    all.into_iter().filter(|(_, most, now)| now > most).map(|(name, ..)| name).collect()
}

#[test]
fn one_more_of_anything_for_each_reload_is_seen() {
    let first = Footprint { descriptors: 30, threads: 12, resident: 90_000, own: 40_000 };
    let ballast = (BALLAST >> 10) as u64;
    for reloads in [20, 990] {
        let grown = |last: Footprint| grown(&first, &last, reloads);
        assert_eq!(grown(first), [""; 0]);
        assert_eq!(grown(Footprint { descriptors: 30 + reloads, ..first }), ["descriptors"]);
        assert_eq!(grown(Footprint { threads: 12 + reloads, ..first }), ["threads"]);
        assert_eq!(grown(Footprint { own: 40_000 + reloads * ballast, ..first }), ["memory"]);
    }
}

#[test]
fn no_request_is_lost_while_configurations_come_and_go_good_ones_and_bad_ones() {
    let mut course = Course::start();
    let mistakes = mistakes(course.site.folder.path());
    let (reloads, requests) = (number_of("FOOBAR_RELOADS", 30), number_of("FOOBAR_REQUESTS", 0));
    let turn = |course: &mut Course, numbers: RangeInclusive<u64>| {
        let load = if requests == 0 { course.load() } else { course.dense_load() };
        for (count, number) in (1..).zip(numbers) {
            course.reload(number);
            until("as many requests are answered as are asked for", || {
                assert!(course.is_served(number));
                (load.answered() >= count * requests / reloads).then_some(())
            });
            if let Some((mistake, _)) = mistakes.get(usize::try_from(number).unwrap() % 30) {
                course.refuse(mistake, number);
            }
        }
        let report = load.stop();
        report.assert_nothing_lost();
        let gone = report.count(Outcome::GoneAway) + report.count(Outcome::GoneAtOnce);
        assert_eq!([report.sent_again(), report.closed(), gone], [0; 3], "a reload ends no connection");
        course.at_rest()
    };
    let first = turn(&mut course, 1..=FIRST);
    let mut last = turn(&mut course, FIRST + 1..=reloads.max(FIRST + 1));
    let (more, at_rest) = (reloads.saturating_sub(FIRST), Instant::now());
    while !grown(&first, &last, more).is_empty() && at_rest.elapsed() < PATIENCE {
        last = Footprint::of(course.program.id()).unwrap(); // threads that may block end when nothing has come for a while
    }
    course.tell_in_effect();
    println!("after {FIRST} reloads: {first}; after {reloads}: {last}");
    assert_eq!(grown(&first, &last, more), [""; 0]);
    course.program.signal("TERM");
    assert_eq!(course.program.wait().0.code(), Some(0));
}

/// Something that happens to a text; often it is no configuration any more.
fn mutated(text: &str, random: &mut Random) -> String {
    let at = |random: &mut Random| usize::try_from(random.below(text.len() as u64)).unwrap(); // it is ASCII
    let lines: Vec<&str> = text.lines().collect();
    let line = usize::try_from(random.below(lines.len() as u64)).unwrap();
    let with = |new: &str| [&lines[..line], &[new], &lines[line + 1..]].concat().join("\n");
    let value =
        |new: &str| with(&lines[line].split_once(" = ").map_or(new.to_owned(), |(key, _)| format!("{key} = {new}")));
    match random.below(9) {
        0 => text[..at(random)].to_owned(),
        1 => with(""),
        2 => with(&format!("{}\n{}", lines[line], lines[line])),
        3 => value(random.pick(&["-1", "99999999999999999999", "'soon'", "[]", "{}", "true", "'\\0'", "'\u{202e}'"])),
        4 => value("'missing'"),
        5 => with(&lines[line].replace(" = ", "s = ")),
        6 => with(&lines[line].replace(['\'', ']'], "")),
        7 => {
            let (from, to) = (at(random), at(random));
            format!("{}{}", &text[..from.max(to)], &text[from.min(to)..])
        }
        _ => value("['127.0.0.1:0', '192.0.2.1:1']"),
    }
}

#[test]
fn no_request_is_lost_while_configurations_that_something_happened_to_are_refused() {
    let mut course = Course::start();
    let original = configuration(1, "ballast");
    let (mut random, mut refused, mut good_ones) = (Random::new(seed(), 2), 0, 0);
    course.site.write(&original);
    let load = course.load();
    course.program.signal("HUP");
    course.program.until_logged("has been reloaded");
    let wanted = number_of("FOOBAR_MUTATIONS", 20);
    while refused < wanted {
        let mistake = mutated(&original, &mut random);
        course.site.write(&mistake);
        let mut check = course.site.command();
        if check.arg("check").output().unwrap().status.success() {
            good_ones += 1;
            continue;
        }
        let told = course.refuse(&mistake, 1);
        assert!(told.contains("foobar.toml") || told.contains("cannot listen on"), "{mistake}\n{told}");
        refused += 1;
    }
    println!("{refused} mutated configurations were refused, {good_ones} were good ones");
    load.stop().assert_nothing_lost();
}

//! The client of the benchmark: one thread, epoll, connections with one request in flight each. It checks each answer's
//! status and length, and the first content of each connection byte for byte, and prints one line of JSON.

mod arguments;
mod connection;
mod histogram;
mod process;

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};

use arguments::Arguments;
use connection::{Connection, Target};
use histogram::Histogram;

fn main() -> io::Result<()> {
    let arguments = Arguments::from_command_line();
    let targets = arguments.targets()?;
    let mut client = Client::new(&arguments, &targets)?;
    client.run(Duration::ZERO, true)?;
    client.run(arguments.warm, false)?;

    process::reset_peaks(&arguments.pids)?;
    let before = process::cpu(&arguments.pids)?;
    let started = Instant::now();
    let latencies = client.run(arguments.seconds, false)?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = process::cpu(&arguments.pids)? - before;

    let requests = latencies.count() as f64;
    println!(
        r#"{{"requests":{requests},"per_second":{:.1},"cpu_us":{:.3},"p50_us":{:.1},"p99_us":{:.1},"peak_kib":{}}}"#,
        requests / seconds,
        cpu.as_secs_f64() * 1e6 / requests,
        latencies.quantile(0.5).as_secs_f64() * 1e6,
        latencies.quantile(0.99).as_secs_f64() * 1e6,
        process::peak_kib(&arguments.pids)?,
    );
    Ok(())
}

struct Client<'a> {
    epoll: rustix::fd::OwnedFd,
    connections: Vec<Connection<'a>>,
    targets: &'a [Target],
    /// For how long `epoll_wait` sleeps; for ever if absent.
    patience: Option<Timespec>,
    random: u64,
}

impl<'a> Client<'a> {
    fn new(arguments: &Arguments, targets: &'a [Target]) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let connections = (0..arguments.connections).map(|_| Connection::new(arguments)).collect();
        let patience = arguments.spin.then(Timespec::default);
        Ok(Self { epoll, connections, targets, patience, random: 0x9E37_79B9_7F4A_7C15 })
    }

    /// Keeps all connections busy for this long and until each has had its answer, and says how long each took.
    fn run(&mut self, time: Duration, compare: bool) -> io::Result<Histogram> {
        let mut latencies = Histogram::default();
        let mut room = [MaybeUninit::<epoll::Event>::uninit(); 512];
        let mut discarded = vec![0; 4 << 20];
        let mut now = Instant::now();
        let end = now + time;
        for at in 0..self.connections.len() {
            self.start(at, now, compare)?;
        }
        let mut busy = self.connections.len();
        while busy > 0 {
            let (events, _) = epoll::wait(&self.epoll, &mut room, self.patience.as_ref())?;
            for event in events {
                let at = event.data.u64() as usize;
                if !self.connections[at].read(&mut discarded)? {
                    continue;
                }
                now = Instant::now();
                latencies.add(now - self.connections[at].started);
                if now < end {
                    self.start(at, now, false)?;
                } else {
                    busy -= 1;
                }
            }
        }
        Ok(latencies)
    }

    fn start(&mut self, at: usize, now: Instant, compare: bool) -> io::Result<()> {
        let target = &self.targets[self.random_below(self.targets.len())];
        let connection = &mut self.connections[at];
        if let Some(stream) = connection.connect()? {
            epoll::add(&self.epoll, stream, EventData::new_u64(at as u64), EventFlags::IN)?;
        }
        connection.send(target, now, compare)
    }

    /// Xorshift: the same order in each run.
    fn random_below(&mut self, count: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % count as u64) as usize
    }
}

//! What the system knows of this process, under the names that Prometheus's own libraries give it.

use std::fs;

use foobar_core::Metrics;
use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// This process; what `/proc` does not tell has no figure.
pub(super) struct Process {
    /// When it was started, in seconds of Unix time; the same in each scrape.
    started: Option<f64>,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { started: started() }
    }

    pub(super) fn metrics(&self, metrics: &mut Metrics) {
        let cpu = seconds(clock_gettime(ClockId::ProcessCPUTime));
        metrics.counter("process_cpu_seconds_total", "CPU time of this process.", &[], cpu);
        if let Some(started) = self.started {
            metrics.gauge("process_start_time_seconds", "When this process started, in Unix time.", &[], started);
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default(); // not told
        let bytes = |name| number(&status, name).map(|kibibytes| kibibytes * 1024);
        for (name, help, value) in [
            ("resident_memory_bytes", "Resident memory of this process.", bytes("VmRSS:")),
            ("virtual_memory_bytes", "Virtual memory of this process.", bytes("VmSize:")),
            ("threads", "Threads of this process.", number(&status, "Threads:")),
            ("open_fds", "Open file descriptors.", open_descriptors()),
            ("max_fds", "File descriptors that may be open.", getrlimit(Resource::Nofile).current),
        ] {
            if let Some(value) = value {
                metrics.gauge(&format!("process_{name}"), help, &[], value);
            }
        }
    }
}

/// Boot time, and how long after it the process was started.
fn started() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?; // not told
    let after_name = stat.rsplit_once(')')?.1; // the name may hold anything
    let ticks: f64 = after_name.split_ascii_whitespace().nth(STARTED)?.parse().ok()?; // a number
    let boot = seconds(clock_gettime(ClockId::Realtime)) - seconds(clock_gettime(ClockId::Boottime));
    Some(((boot + ticks / clock_ticks_per_second() as f64) * 100.0).round() / 100.0) // no finer than a tick
}

/// Field 22 of `stat` (proc(5)), counted from the third, which follows the name.
const STARTED: usize = 22 - 3;

fn open_descriptors() -> Option<u64> {
    let all = fs::read_dir("/proc/self/fd").ok()?.count() as u64; // not told
    Some(all.saturating_sub(1)) // without that of the folder itself
}

/// The number behind a name in `status`.
fn number(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_ascii_whitespace().next()?.parse().ok() // it is one
}

fn seconds(time: Timespec) -> f64 {
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

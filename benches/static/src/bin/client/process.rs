use std::fs;
use std::io;
use std::time::Duration;

/// The processor time that the processes have used so far, all threads, user and system, in nanoseconds' resolution.
pub fn cpu(pids: &[u32]) -> io::Result<Duration> {
    pids.iter().map(|pid| cpu_of(*pid)).sum()
}

fn cpu_of(pid: u32) -> io::Result<Duration> {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls write only to the place that they are given.
    let failed = unsafe {
        match libc::clock_getcpuclockid(pid as i32, &mut clock) {
            0 => libc::clock_gettime(clock, &mut time),
            error => error,
        }
    };
    if failed != 0 {
        return Err(io::Error::other(format!("no processor time of process {pid}")));
    }
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// Forgets the most memory that the processes have had until now.
pub fn reset_peaks(pids: &[u32]) -> io::Result<()> {
    pids.iter().try_for_each(|pid| fs::write(format!("/proc/{pid}/clear_refs"), "5"))
}

/// The most memory that the processes together have had (VmHWM), in KiB.
pub fn peak_kib(pids: &[u32]) -> io::Result<u64> {
    pids.iter().map(|pid| peak_of(*pid)).sum()
}

fn peak_of(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.parse().ok());
    kib.ok_or_else(|| io::Error::other("no VmHWM"))
}

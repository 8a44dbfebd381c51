use std::fmt;
use std::fs;

/// What a process holds at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Footprint {
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    /// In KiB: all that it has in memory (Rss).
    pub(crate) resident: u64,
    /// What of it is its own, and not of files.
    pub(crate) own: u64,
}

impl Footprint {
    /// Of the process of this number; `None` where that has ended.
    pub(crate) fn of(process: u32) -> Option<Self> {
        let folder = format!("/proc/{process}");
        let count = |name: &str| Some(fs::read_dir(format!("{folder}/{name}")).ok()?.count() as u64);
        let status = fs::read_to_string(format!("{folder}/status")).ok()?;
        Some(Self {
            descriptors: count("fd")?,
            threads: count("task")?,
            resident: number(&status, "VmRSS:")?,
            own: number(&status, "RssAnon:")?,
        })
    }
}

/// The number in the line that begins so, which one that ends has not.
fn number(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { descriptors, threads, resident, own } = self;
        write!(f, "{descriptors} descriptors, {threads} threads, {resident} KiB of memory, {own} of them its own")
    }
}

use std::fs::File;
use std::io::IoSliceMut;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::is_refused;

/// Says which of the system calls that make reading faster are refused here, by the system or a sandbox (seccomp).
/// Whoever needs one of them then takes another way, and says no more of it.
pub(crate) fn say_what_is_refused() {
    for (call, error) in refused() {
        tracing::info!(%error, "the system call {call} is refused here; files are served without it, which takes longer");
    }
}

/// Each call is tried on what is always there; that a device has no content to send is no refusal.
fn refused() -> impl Iterator<Item = (&'static str, Errno)> {
    let folder = openat2(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED).err();
    let null = File::options().read(true).write(true).open("/dev/null").ok(); // not in every jail: then nothing is said
    let read = |null| preadv2(null, &mut [IoSliceMut::new(&mut [0])], 0, ReadWriteFlags::empty()).err();
    let sent = |null| send(null).err().filter(|error| *error != Errno::INVAL);
    let calls =
        [("openat2", folder), ("preadv2", null.as_ref().and_then(read)), ("sendfile", null.as_ref().and_then(sent))];
    calls.into_iter().filter_map(|(call, error)| Some((call, error.filter(|error| is_refused(*error))?)))
}

#[cfg(target_os = "linux")]
fn send(file: &File) -> rustix::io::Result<usize> {
    rustix::fs::sendfile(file, file, None, 1)
}

/// Elsewhere nobody counts on it.
#[cfg(not(target_os = "linux"))]
fn send(_: &File) -> rustix::io::Result<usize> {
    Ok(0)
}

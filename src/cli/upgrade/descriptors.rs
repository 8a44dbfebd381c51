#![expect(unsafe_code, reason = "descriptors come to a program and go to the next as bare numbers")]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{FdFlags, dup2, fcntl_setfd};
use rustix::net::sockopt::socket_acceptconn;

/// Those of standard input and output, which are nobody else's.
const STANDARD: RawFd = 2;

/// Takes a listening socket that this process was started with, as [`adopt`] does.
pub(super) fn adopt_listener(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: it is only asked what it is.
    let is_listener = number > STANDARD && socket_acceptconn(unsafe { BorrowedFd::borrow_raw(number) })?;
    if is_listener { adopt(number) } else { Err(io::Error::other("it is not a listening socket")) }
}

/// Takes a descriptor that this process was started with; what it starts itself does not have it. Each is taken once, and before
/// anything else is open: whoever passes on fewer than it says must not give away what is somebody else's.
pub(super) fn adopt(number: RawFd) -> io::Result<OwnedFd> {
    if number <= STANDARD {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: it is only asked whether it is open; nothing of this process has closed it since.
    fcntl_setfd(unsafe { BorrowedFd::borrow_raw(number) }, FdFlags::CLOEXEC)?;
    // SAFETY: it is open, and whoever started this process has passed it on to be taken here, once.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The process that is started has these descriptors, under the same numbers.
pub(super) fn pass_on(command: &mut Command, descriptors: Vec<OwnedFd>) {
    let keep_open = move || {
        for descriptor in &descriptors {
            fcntl_setfd(descriptor, FdFlags::empty())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec it calls `fcntl` alone, and neither allocates nor locks.
    unsafe { command.pre_exec(keep_open) };
}

/// From now on standard error is this.
pub(super) fn replace_standard_error(by: &OwnedFd) -> io::Result<()> {
    // SAFETY: the number stays standard error's, and is not closed here.
    let mut standard_error = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(STANDARD) });
    Ok(dup2(by, &mut standard_error)?)
}

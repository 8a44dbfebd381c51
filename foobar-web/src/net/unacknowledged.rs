#![expect(unsafe_code, reason = "no crate has this request to the system in a safe form")]

use std::os::fd::BorrowedFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// The bytes written to a socket that the client's system has not acknowledged; of a Unix socket, the memory that holds
/// what the client has not read. 0 where the system does not tell, as if the client took everything at once.
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> u64 {
    if !cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))) {
        return 0;
    }
    // SAFETY: to this request the kernel answers with an `int`, and it changes nothing.
    let length = unsafe { ioctl(socket, Getter::<SIOCOUTQ, i32>::new()) };
    length.map_or(0, |length| u64::try_from(length).unwrap_or(0)) // it is never negative
}

/// Of `linux/sockios.h`; the same as `TIOCOUTQ`, whose number differs on some architectures.
const SIOCOUTQ: Opcode = 0x5411;

#![expect(unsafe_code, reason = "the C library's call has no safe form")]

/// Gives what memory is free back to the system, also below what is used.
pub(super) fn give_back() {
    // SAFETY: it may be called by any thread at any time, and touches only what is free.
    unsafe { libc::malloc_trim(0) };
}

//! Statements of SQLite that end at the thread's deadline, and so do their waits for a lock.
//!
//! Diesel does not give out the handle that `sqlite3_progress_handler` and `sqlite3_busy_handler` need, but SQLite
//! shows each new handle to the functions registered with `sqlite3_auto_extension`. Ours installs both handlers on the
//! connections that this module opens and leaves all others of the process alone.
#![expect(unsafe_code, reason = "the C interface of SQLite")]

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Once;
use std::time::{Duration, Instant};
use std::{ptr, thread};

use diesel::sqlite::SqliteConnection;
use diesel::{Connection, ConnectionResult};
use libsqlite3_sys as ffi;

use crate::deadline;

thread_local! {
    /// The lock timeout of the connection that this thread opens in [`establish`], in milliseconds.
    static ESTABLISHING: Cell<Option<usize>> = const { Cell::new(None) };
    /// When this thread's wait for a lock began.
    static WAITS_SINCE: Cell<Instant> = Cell::new(Instant::now());
}

/// How many instructions of SQLite's virtual machine run between two looks at the clock: some tens of microseconds.
const INSTRUCTIONS: c_int = 1000;

/// The longest pause between two looks at a lock, as a power of two milliseconds.
const LONGEST_PAUSE: c_int = 5;

/// Opens a connection whose statements fail with "interrupted" once the deadline of the thread has passed, and with
/// "database is locked" once they have waited `lock_timeout`, or to the deadline, for a lock.
pub(super) fn establish(name: &str, lock_timeout: Duration) -> ConnectionResult<SqliteConnection> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the function has the signature that SQLite wants, and lives as long as the process.
        let _out_of_memory = unsafe { ffi::sqlite3_auto_extension(Some(install)) }; // then statements have no deadline
    });
    ESTABLISHING.set(Some(usize::try_from(lock_timeout.as_millis()).unwrap_or(usize::MAX))); // it is a week at most
    let connection = SqliteConnection::establish(name);
    ESTABLISHING.set(None);
    connection
}

/// Called by SQLite, on the thread that opens it, with each new handle of the process.
unsafe extern "C" fn install(
    handle: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    if let Some(lock_timeout) = ESTABLISHING.get() {
        // SAFETY: SQLite has just made the handle; the callbacks read no memory and live as long as the process.
        unsafe {
            ffi::sqlite3_progress_handler(handle, INSTRUCTIONS, Some(interrupt), ptr::null_mut());
            ffi::sqlite3_busy_handler(handle, Some(wait), ptr::without_provenance_mut(lock_timeout));
        }
    }
    ffi::SQLITE_OK
}

/// Called by SQLite while a statement runs, on its thread; anything but 0 interrupts it.
unsafe extern "C" fn interrupt(_data: *mut c_void) -> c_int {
    c_int::from(deadline::has_passed())
}

/// Called by SQLite, on the thread of a statement, each time that it finds a lock taken; 0 gives up. `lock_timeout` is
/// no address but milliseconds, `looks` how often this lock was found taken before.
unsafe extern "C" fn wait(lock_timeout: *mut c_void, looks: c_int) -> c_int {
    if looks == 0 {
        WAITS_SINCE.set(Instant::now());
    }
    let lock_timeout = Duration::from_millis(lock_timeout.addr() as u64);
    let patience = lock_timeout.saturating_sub(WAITS_SINCE.get().elapsed());
    let left = deadline::remaining().map_or(patience, |time| time.min(patience));
    thread::sleep(left.min(Duration::from_millis(1 << looks.clamp(0, LONGEST_PAUSE))));
    c_int::from(!left.is_zero())
}

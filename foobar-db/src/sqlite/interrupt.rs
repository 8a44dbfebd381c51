//! Statements of SQLite that end at the thread's deadline.
//!
//! Diesel does not give out the handle that `sqlite3_progress_handler` needs, but SQLite shows each new handle to the
//! functions registered with `sqlite3_auto_extension`. Ours installs a progress handler on the connections that this
//! module opens and leaves all others of the process alone.
#![expect(unsafe_code, reason = "the C interface of SQLite")]

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Once;

use diesel::sqlite::SqliteConnection;
use diesel::{Connection, ConnectionResult};
use libsqlite3_sys as ffi;

use crate::deadline;

thread_local! {
    /// Whether this thread is inside of [`establish`].
    static ESTABLISHING: Cell<bool> = const { Cell::new(false) };
}

/// How many instructions of SQLite's virtual machine run between two looks at the clock: some tens of microseconds.
const INSTRUCTIONS: c_int = 1000;

/// Opens a connection whose statements fail with "interrupted" once the deadline of the thread has passed.
pub(super) fn establish(name: &str) -> ConnectionResult<SqliteConnection> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the function has the signature that SQLite wants, and lives as long as the process.
        let _out_of_memory = unsafe { ffi::sqlite3_auto_extension(Some(install)) }; // then statements have no deadline
    });
    ESTABLISHING.set(true);
    let connection = SqliteConnection::establish(name);
    ESTABLISHING.set(false);
    connection
}

/// Called by SQLite, on the thread that opens it, with each new handle of the process.
unsafe extern "C" fn install(
    handle: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    if ESTABLISHING.get() {
        // SAFETY: SQLite has just made the handle; the callback needs no data and lives as long as the process.
        unsafe { ffi::sqlite3_progress_handler(handle, INSTRUCTIONS, Some(interrupt), std::ptr::null_mut()) };
    }
    ffi::SQLITE_OK
}

/// Called by SQLite while a statement runs, on its thread; anything but 0 interrupts it.
unsafe extern "C" fn interrupt(_data: *mut c_void) -> c_int {
    c_int::from(deadline::has_passed())
}

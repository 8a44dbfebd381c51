//! What Diesel's connection to SQLite does not give: statements that end at the thread's deadline, and so do their
//! waits for a lock; the number of an error; whether the session has been changed.
//!
//! All of it needs the handle, which Diesel keeps to itself. But SQLite shows each new handle to the functions
//! registered with `sqlite3_auto_extension`. Ours installs its callbacks on the connections that this module opens and
//! leaves all others of the process alone. Diesel's events come while the handle still knows its last error.
#![expect(unsafe_code, reason = "the C interface of SQLite")]

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;
use std::time::{Duration, Instant};
use std::{ptr, thread};

use diesel::connection::{Instrumentation, InstrumentationEvent, get_default_instrumentation};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sqlite::SqliteConnection;
use diesel::{Connection, ConnectionResult, QueryResult};
use libsqlite3_sys as ffi;

use crate::driver_error::{self, Origin};
use crate::{Engine, QueryKind, deadline, statements};

thread_local! {
    /// What this thread opens in [`establish`].
    static ESTABLISHING: Cell<Option<Establishing>> = const { Cell::new(None) };
    /// When this thread's wait for a lock began.
    static WAITS_SINCE: Cell<Instant> = Cell::new(Instant::now());
    /// Whether a statement that this thread has prepared may leave something in its session.
    static IS_CHANGED: Cell<bool> = const { Cell::new(false) };
    /// Whether the call of this thread only reads.
    static READS: Cell<bool> = const { Cell::new(false) };
    /// What has become of the transaction of this thread's write.
    static TRANSACTION: RefCell<Transaction> = const { RefCell::new(Transaction::Untold) };
}

enum Transaction {
    /// The call is no write.
    Untold,
    Open,
    /// SQLite has ended it with this error, which the caller may have handled.
    RolledBack(String, Origin),
}

#[derive(Clone, Copy)]
struct Establishing {
    /// In milliseconds.
    lock_timeout: usize,
    /// As soon as SQLite has shown it.
    handle: *mut ffi::sqlite3,
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
    let lock_timeout = usize::try_from(lock_timeout.as_millis()).unwrap_or(usize::MAX); // it is a week at most
    ESTABLISHING.set(Some(Establishing { lock_timeout, handle: ptr::null_mut() }));
    let connection = SqliteConnection::establish(name);
    let established = ESTABLISHING.take().map_or(ptr::null_mut(), |opened| opened.handle);
    let mut connection = connection?;
    let inner = get_default_instrumentation();
    connection.set_instrumentation(Watch { handle: established, running: None, inner });
    Ok(connection)
}

/// Begins a call on this thread: forgets what it has done to sessions before.
pub(crate) fn begin_call(kind: QueryKind) {
    IS_CHANGED.set(false);
    READS.set(kind == QueryKind::Read);
    TRANSACTION.set(if matches!(kind, QueryKind::Write(_)) { Transaction::Open } else { Transaction::Untold });
}

/// The error that has ended the transaction of the current write before its time: SQLite itself ends it where the disk is
/// full or fails, and so does a trigger with `RAISE(ROLLBACK)`.
pub(crate) fn rolled_back() -> Option<DieselError> {
    TRANSACTION.with_borrow(|transaction| match transaction {
        Transaction::RolledBack(message, origin) => {
            Some(driver_error::make(DatabaseErrorKind::Unknown, message.clone(), *origin))
        }
        Transaction::Untold | Transaction::Open => None,
    })
}

/// An error where a call may have left something in the session of `connection`: a setting, an attached or temporary
/// table, an open transaction.
pub(crate) fn restore(connection: &mut SqliteConnection) -> QueryResult<()> {
    let is_unchanged = !is_in_transaction(connection) && !IS_CHANGED.get();
    if is_unchanged { Ok(()) } else { Err(DieselError::QueryBuilderError("a call has changed its session".into())) }
}

/// Whether a transaction is open; also where that is not known.
pub(super) fn is_in_transaction(connection: &mut SqliteConnection) -> bool {
    let watch = connection.instrumentation().downcast_ref::<Watch>();
    watch.is_none_or(Watch::is_in_transaction)
}

impl Transaction {
    fn roll_back(&mut self, message: &str, origin: Origin) {
        if matches!(self, Self::Open) {
            *self = Self::RolledBack(message.to_owned(), origin);
        }
    }
}

/// Sees each statement of a connection end, and remembers the number of its error.
struct Watch {
    /// Null where SQLite has not shown it; it lives as long as the connection, and so longer than this.
    handle: *mut ffi::sqlite3,
    running: Option<statements::Running>,
    /// What the application has set for all connections.
    inner: Option<Box<dyn Instrumentation>>,
}

// SAFETY: SQLite's own locks guard a handle, and the connection that it belongs to goes with it.
unsafe impl Send for Watch {}

impl Watch {
    fn is_in_transaction(&self) -> bool {
        // SAFETY: the handle is that of the connection that holds this.
        !self.handle.is_null() && unsafe { ffi::sqlite3_get_autocommit(self.handle) } == 0
    }

    fn remember(&self, error: &DieselError) {
        let DieselError::DatabaseError(_, details) = error else { return };
        if !self.handle.is_null() {
            // SAFETY: as above.
            let origin = Origin::Sqlite(unsafe { ffi::sqlite3_extended_errcode(self.handle) });
            driver_error::remember(details.message(), origin);
            if !self.is_in_transaction() {
                TRANSACTION.with_borrow_mut(|transaction| transaction.roll_back(details.message(), origin));
            }
        }
    }
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match &event {
            InstrumentationEvent::StartQuery { query, .. } => self.running = statements::begin(query, Engine::Sqlite),
            InstrumentationEvent::FinishQuery { query, error, .. } => {
                match error {
                    Some(error) => self.remember(error),
                    None => driver_error::succeeded(query),
                }
                statements::end(self.running.take(), query, error.is_some());
            }
            _ => {}
        }
        if let Some(inner) = &mut self.inner {
            inner.on_connection_event(event);
        }
    }
}

/// Called by SQLite, on the thread that opens it, with each new handle of the process.
unsafe extern "C" fn install(
    handle: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    if let Some(Establishing { lock_timeout, .. }) = ESTABLISHING.get() {
        ESTABLISHING.set(Some(Establishing { lock_timeout, handle }));
        // SAFETY: SQLite has just made the handle; the callbacks read no memory of ours and live as long as the process.
        unsafe {
            ffi::sqlite3_progress_handler(handle, INSTRUCTIONS, Some(interrupt), ptr::null_mut());
            ffi::sqlite3_busy_handler(handle, Some(wait), ptr::without_provenance_mut(lock_timeout));
            ffi::sqlite3_set_authorizer(handle, Some(authorize), ptr::null_mut());
            ffi::sqlite3_commit_hook(handle, Some(refuse_commit), ptr::null_mut());
        }
    }
    ffi::SQLITE_OK
}

/// Called by SQLite on the thread of a statement that is to be committed; anything but 0 rolls it back. After the
/// transaction of a write has ended before its time each statement would be committed by itself.
unsafe extern "C" fn refuse_commit(_data: *mut c_void) -> c_int {
    let is_open = TRANSACTION.with_borrow(|transaction| !matches!(transaction, Transaction::RolledBack(..)));
    c_int::from(!is_open)
}

/// Called by SQLite while it prepares a statement, on its thread, for each thing that it will do. All is allowed, but
/// that a read makes a connection one that writes.
unsafe extern "C" fn authorize(
    _data: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    _database: *const c_char,
    _trigger: *const c_char,
) -> c_int {
    // SAFETY: SQLite gives the name of a pragma as a text that ends with a NUL.
    let pragma = (action == ffi::SQLITE_PRAGMA && !second.is_null()).then(|| unsafe { CStr::from_ptr(first) });
    if READS.get() && pragma.is_some_and(|pragma| pragma.to_bytes().eq_ignore_ascii_case(b"query_only")) {
        return ffi::SQLITE_DENY;
    }
    let changes = match action {
        ffi::SQLITE_ATTACH
        | ffi::SQLITE_DETACH
        | ffi::SQLITE_CREATE_TEMP_INDEX
        | ffi::SQLITE_CREATE_TEMP_TABLE
        | ffi::SQLITE_CREATE_TEMP_TRIGGER
        | ffi::SQLITE_CREATE_TEMP_VIEW => true,
        _ => pragma.is_some_and(|pragma| !is_question(pragma)), // without a value it is only read
    };
    if changes {
        IS_CHANGED.set(true);
    }
    ffi::SQLITE_OK
}

/// Whether the value of a pragma says what is asked for, and sets nothing.
fn is_question(pragma: &CStr) -> bool {
    const QUESTIONS: [&str; 9] = [
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_xinfo",
    ];
    QUESTIONS.iter().any(|question| pragma.to_bytes().eq_ignore_ascii_case(question.as_bytes()))
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

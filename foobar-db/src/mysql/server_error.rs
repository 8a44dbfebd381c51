use diesel::result::{DatabaseErrorKind, Error as DieselError};
use mysql_async::{Error, ServerError};

use crate::driver_error::{self, Origin};

/// What Diesel calls an error of the driver; where it comes from is remembered.
pub(super) fn to_diesel(error: Error) -> DieselError {
    match error {
        Error::Server(error) => of_server(error),
        error => driver_error::make(DatabaseErrorKind::ClosedConnection, error.to_string(), Origin::Connection),
    }
}

fn of_server(error: ServerError) -> DieselError {
    let state = error.state.as_bytes().try_into().unwrap_or(*b"HY000"); // the protocol's own, where there is none
    driver_error::make(kind(error.code, state), error.message, Origin::Mysql { number: error.code, state })
}

/// The same error of a statement that waits for no lock. MariaDB has no number for that, and takes the one of a wait that
/// took too long.
pub(super) fn of_no_wait(error: DieselError) -> DieselError {
    match driver_error::origin(&error) {
        Some(Origin::Mysql { number: LOCK_WAIT_TIMEOUT, state }) => {
            driver_error::make(kind(NO_WAIT, state), error.to_string(), Origin::Mysql { number: NO_WAIT, state })
        }
        _ => error,
    }
}

const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// MySQL's own number.
const NO_WAIT: u16 = 3572;

/// The kinds that Diesel has a name for; the numbers of both servers.
const fn kind(number: u16, state: [u8; 5]) -> DatabaseErrorKind {
    match number {
        1022 | 1062 | 1169 | 1557 | 1586 | 1761 | 1762 | 1859 => DatabaseErrorKind::UniqueViolation,
        1216 | 1217 | 1451 | 1452 | 1830 | 1834 => DatabaseErrorKind::ForeignKeyViolation,
        1048 | 1263 | 1364 | 1566 => DatabaseErrorKind::NotNullViolation,
        3819 | 4025 => DatabaseErrorKind::CheckViolation,
        1792 => DatabaseErrorKind::ReadOnlyTransaction,
        // After it a savepoint is gone; Diesel then does not mind that it cannot be rolled back to.
        number if rolls_back(number, state) => DatabaseErrorKind::SerializationFailure,
        _ => DatabaseErrorKind::Unknown,
    }
}

/// Whether the server has rolled back the whole transaction: a deadlock, a changed record, a conflict on TiDB or in a
/// group of servers; not the application's own SIGNAL, which may take any number.
pub(crate) const fn rolls_back(number: u16, state: [u8; 5]) -> bool {
    matches!(
        (number, &state),
        (1020 | 8002 | 8028 | 9007, b"HY000") | (1213, b"40001") | (1614, b"XA102") | (3101, b"40000")
    )
}

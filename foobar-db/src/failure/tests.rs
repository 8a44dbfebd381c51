use super::*;
use crate::Isolation;

fn made(origin: Origin) -> DieselError {
    driver_error::make(DatabaseErrorKind::Unknown, format!("{origin:?}"), origin)
}

fn name(failure: &Failure) -> String {
    let text = format!("{failure:?}");
    text.split('(').next().unwrap_or(&text).to_owned()
}

#[cfg(feature = "mysql")]
const fn mysql(number: u16, state: [u8; 5]) -> Origin {
    Origin::Mysql { number, state }
}

#[cfg(feature = "mysql")]
const DECIDED: &[(u16, &[u8; 5], &str)] = &[
    (1213, b"40001", "Conflict"),
    (1205, b"HY000", "Conflict"),
    (1020, b"HY000", "Conflict"),
    (9007, b"HY000", "Conflict"),
    (1644, b"40001", "Query"),
    (1999, b"40001", "Conflict"),
    (9999, b"40001", "Conflict"),
    (1614, b"XA102", "Conflict"),
    (3101, b"40000", "Conflict"),
    (1927, b"70100", "Lost"),
    (4031, b"HY000", "Lost"),
    (1053, b"08S01", "Lost"),
    (9999, b"08S01", "Lost"),
    (1047, b"08S01", "Refused"),
    (1040, b"08004", "Refused"),
    (1836, b"HY000", "Refused"),
    (1015, b"HY000", "Query"),
    (1021, b"HY000", "Full"),
    (1114, b"HY000", "Full"),
    (3, b"HY000", "Disk"),
    (1026, b"HY000", "Disk"),
    (1317, b"70100", "Interrupted"),
    (1969, b"70100", "Interrupted"),
    (3024, b"HY000", "Interrupted"),
    (1005, b"HY000", "Query"),
    (1062, b"23000", "Query"),
    (1792, b"25006", "Query"),
    (1064, b"42000", "Query"),
    (1153, b"08S01", "Query"),
    (1205, b"45000", "Query"),
    (1040, b"45000", "Query"),
    (1205, b"UE001", "Query"),
    (1213, b"HY000", "Query"),
    (1927, b"08S01", "Query"),
    (1317, b"HY000", "Query"),
    (1021, b"40001", "Query"),
    (30001, b"08S01", "Query"),
    (30001, b"40001", "Query"),
    (999, b"40001", "Query"),
    (1461, b"42000", "Refused"),
    (1206, b"HY000", "Refused"),
    (1874, b"HY000", "Refused"),
];

#[cfg(feature = "mysql")]
#[test]
fn the_number_of_a_server_s_error_decides_what_comes_next() {
    for (number, state, expected) in DECIDED {
        assert_eq!(name(&Failure::of(made(mysql(*number, **state)))), *expected, "{number}");
    }
    driver_error::forget();
}

#[cfg(feature = "mysql")]
#[test]
fn why_a_query_is_run_again_has_a_name_of_its_own_for_each_kind_of_conflict() {
    for (number, state, expected) in [
        (1213, b"40001", "deadlock"),
        (1205, b"HY000", "lock_timeout"),
        (3572, b"HY000", "no_wait"),
        (1020, b"HY000", "conflict"),
    ] {
        let cause = Failure::of(made(mysql(number, *state))).retry_cause(QueryKind::Write(Isolation::Server));
        assert_eq!(cause.map(RetryCause::name), Some(expected), "{number}");
    }
    driver_error::forget();
}

#[cfg(feature = "sqlite")]
#[test]
fn the_result_code_of_sqlite_decides_what_comes_next() {
    for (code, expected) in [
        (5, "Conflict"),
        (517, "Conflict"),
        (262, "Conflict"),
        (13, "Full"),
        (10, "Disk"),
        (778, "Disk"),
        (14, "Disk"),
        (8, "Query"),
        (1032, "Refused"),
        (9, "Interrupted"),
        (1, "Query"),
        (2067, "Query"),
        (1811, "Query"),
    ] {
        assert_eq!(name(&Failure::of(made(Origin::Sqlite(code)))), expected, "{code}");
    }
    driver_error::forget();
}

#[cfg(feature = "mysql")]
#[test]
fn an_interruption_is_the_deadline_where_that_has_passed_and_somebody_else_s_otherwise() {
    let now = std::time::Instant::now();
    let interrupted = || name(&Failure::of(made(mysql(1317, *b"70100"))));
    assert_eq!(deadline::until(now, interrupted), "Deadline");
    assert_eq!(deadline::until(now + Duration::from_secs(60), interrupted), "Interrupted");
    driver_error::forget();
}

#[cfg(feature = "mysql")]
#[test]
fn only_the_option_that_makes_a_server_read_only_makes_it_unavailable() {
    let forbidden = |option: &str| {
        let message = format!("The server is running with the {option} option so it cannot execute this statement");
        driver_error::make(DatabaseErrorKind::Unknown, message, mysql(1290, *b"HY000"))
    };
    assert_eq!(name(&Failure::of(forbidden("--read-only"))), "Refused");
    assert_eq!(name(&Failure::of(forbidden("--super-read-only"))), "Refused");
    assert_eq!(name(&Failure::of(forbidden("--secure-file-priv"))), "Query");
    driver_error::forget();
}

#[cfg(feature = "mysql")]
#[test]
fn a_table_that_cannot_be_locked_makes_a_server_unavailable_only_where_it_is_read_only() {
    for (why, expected) in [("165 - Table is read only", "Refused"), ("37 - No locks available", "Query")] {
        let message = format!("Can't lock file (errno: {why})");
        let error = driver_error::make(DatabaseErrorKind::Unknown, message, mysql(1015, *b"HY000"));
        assert_eq!(name(&Failure::of(error)), expected, "{why}");
    }
    driver_error::forget();
}

#[cfg(feature = "mysql")]
#[test]
fn after_a_loss_a_failing_disk_or_an_interruption_at_commit_nothing_is_tried_again() {
    for origin in [Origin::Connection, mysql(1180, *b"HY000"), mysql(1317, *b"70100"), Origin::Deadline] {
        let failure = Failure::of_commit(made(origin));
        assert!(
            matches!(failure, Failure::OutcomeUnknown(_))
                && failure.retry_cause(QueryKind::Write(Isolation::Server)).is_none(),
            "{origin:?}"
        );
    }
    let deadlock = Failure::of_commit(made(mysql(1213, *b"40001")));
    assert_eq!(deadlock.retry_cause(QueryKind::Write(Isolation::Server)), Some(RetryCause::Deadlock));
    driver_error::forget();
}

#[test]
fn nothing_that_changes_the_schema_is_tried_again() {
    let conflict = || Failure::Conflict(DieselError::RollbackTransaction);
    assert!(
        conflict().retry_cause(QueryKind::Read).is_some()
            && conflict().retry_cause(QueryKind::Write(Isolation::Server)).is_some()
    );
    assert!(conflict().retry_cause(QueryKind::Migrate).is_none());
}

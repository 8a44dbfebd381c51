use super::*;

fn made(origin: Origin) -> DieselError {
    driver_error::make(DatabaseErrorKind::Unknown, format!("{origin:?}"), origin)
}

fn name(failure: &Failure) -> String {
    format!("{failure:?}").split('(').next().unwrap_or_default().to_owned()
}

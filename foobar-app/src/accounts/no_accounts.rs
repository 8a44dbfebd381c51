/// The application has no accounts: what [`Context::accounts`](crate::Context::accounts) says then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the application has no accounts: give `App::accounts`, and a database")]
pub struct NoAccounts;

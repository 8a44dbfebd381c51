use crate::Isolation;

/// What a query does to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKind {
    /// It only reads: no transaction around it, and it may see a replica.
    Read,
    /// It is one transaction on the primary, run again from its start after a deadlock or a lost connection.
    Write(Isolation),
    /// It changes the schema on the primary: no transaction around it, never run again, and its own deadline.
    Migrate,
}

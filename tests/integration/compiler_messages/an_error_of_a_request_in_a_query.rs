//! The error of a handler as that of a query.
//~ cannot be the error of a query
//~ `foobar::Error` belongs to its request and does not leave its thread
use foobar::{Conn, Db, Error};

async fn order(db: Db) -> Result<(), Error> {
    db.try_write(|_conn: &mut Conn| Err(Error::conflict("sold out"))).await
}

fn main() {}

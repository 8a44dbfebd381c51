//! The error of a query that cannot be made of the database's.
//~ `SoldOut` cannot be the error of a query
//~ implements `From<foobar::DbError>`
use foobar::{Conn, Db};

struct SoldOut;

async fn order(db: Db) -> Result<(), SoldOut> {
    db.try_write(|_conn: &mut Conn| Err(SoldOut)).await
}

fn main() {}

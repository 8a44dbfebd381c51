//! A database of a connection that is none of its engines'.
//~ `Pool` is not a connection of a database
//~ write `Db` for either engine, `Db<MysqlConnection>` or `Db<SqliteConnection>` for one
use foobar::{Db, web};

struct Pool;

async fn home(_db: Db<Pool>) -> &'static str {
    "home"
}

fn main() {
    let _route = web::get().to(home);
}
